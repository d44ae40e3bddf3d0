"""The efuns every program may count on, one module per subject.

Rules that hold in all of them:
- A result array or mapping is new unless the page says "in place"; its elements are shared, as in LPC.
- What LPC can make large obeys `this.driver.limits`; too much is an LPC error with FluffOS's text.
- A destructed object inside an argument counts as 0.
- Nothing is remembered in a module: what must be kept lives in `this.driver.state(...)` or in the object.
"""
