"""The efuns in the box: one module or folder per package, listed in `efuns.standard`.

An efun is a plain function declared by its LPC prototype (lpc.efun); its docstring is its page. Packages
see `lpc.efun`, `lpc.runtime`, `lpc.errors` and `lpc.types`, and the driver only as `this.driver`.
"""
