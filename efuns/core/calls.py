"""Efuns about calls: calling others, calling later, errors, and what an evaluation may spend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lpc.efun import efun
from lpc.errors import LPCError, Shutdown, Thrown
from lpc.runtime.closures import Closure
from lpc.runtime.values import Mapping, Value, is_destructed, mapping_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn

    from lpc.runtime.objects import LPCObject

_FOREVER = 1e12  # seconds; more would not fit the event loop's clock


@efun("mixed call_other(object | string | object *target, string | mixed *function, mixed arguments...)")
def call_other(this: LPCObject, target: Value, function: str | list[Value], *arguments: Value) -> Value:
    """Call a public function of an object by name.

    The target is an object, a path (which is loaded), or an array of them: then the result is an array.
    The function is a name, or an array of a name and first arguments. Undefined where there is no such
    function or it is not to be seen from here.

    Example: call_other("/sys/log_d", "write", "up")
    """
    from lpc.runtime.call import call_other as call

    return call(this, target, function, *arguments)


# ---------------------------------------------------------------------------------------------- call_outs


@efun("int call_out(string | function f, int | float delay, mixed arguments...)")
def call_out(this: LPCObject, f: str | Closure, delay: float, *arguments: Value) -> int:
    """Run a function after some seconds; a handle for find_call_out() and remove_call_out().

    A name is a function of this object, whatever its visibility.

    Example: call_out("tick", 0.5, 42)
    """
    return this.driver.scheduler.add(this, f, _seconds(delay), arguments)


@efun("int call_out_walltime(string | function f, int | float delay, mixed arguments...)")
def call_out_walltime(this: LPCObject, f: str | Closure, delay: float, *arguments: Value) -> int:
    """call_out(); in this driver every call_out goes by the wall clock.

    Example: call_out_walltime("tick", 1)
    """
    return this.driver.scheduler.add(this, f, _seconds(delay), arguments)


def _seconds(delay: float) -> float:
    # `not >` instead of `<=`: it catches nan as well.
    return float(min(delay, _FOREVER)) if delay > 0 else 0.0


@efun("int find_call_out(int | string which)")
def find_call_out(this: LPCObject, which: int | str) -> int:
    """Seconds left for a call_out of this object, by handle or function name; -1 if there is none.

    Example: find_call_out("tick")
    """
    return _left(this.driver.scheduler.remaining(this, which))


@efun("int remove_call_out(int | void | string which)")
def remove_call_out(this: LPCObject, which: int | str | None = None) -> int:
    """Cancel a call_out by handle or function name, or all of this object; the seconds left, or -1.

    Example: remove_call_out("tick")
    """
    return _left(this.driver.scheduler.remove(this, which))


def _left(seconds: float | None) -> int:
    return -1 if seconds is None else max(round(seconds), 0)


@efun("mixed *call_out_info()")
def call_out_info(this: LPCObject) -> list[Value]:
    """All pending call_outs: ({ object, function name (or its text), whole seconds left }) for each.

    Example: sizeof(call_out_info())
    """
    return [
        [owner, f.text if type(f) is Closure else f, max(int(left), 0)]
        for owner, f, left in this.driver.scheduler.pending()
    ]


# ---------------------------------------------------------------------------------------------- who called


@efun("mixed previous_object(int n = 0)")
def previous_object(this: LPCObject, previous: LPCObject | int, n: int = 0) -> Value:
    """The object that called into this one; 0 if the driver did, or if it has been destructed.

    A number goes further back along the chain of callers; -1 gives all of them, nearest first.

    Example: if (previous_object() != master()) return 0;
    """
    if n == 0:
        return 0 if is_destructed(previous) else previous
    if n < -1:
        raise LPCError("Illegal negative argument to previous_object()")
    from lpc.runtime.trace import previous_objects

    callers = previous_objects()
    if n == -1:
        return callers
    return callers[n] if n < len(callers) else 0


@efun("object *all_previous_objects()")
def all_previous_objects() -> list[Value]:
    """All objects that called, nearest first: previous_object(-1).

    Example: sizeof(all_previous_objects())
    """
    from lpc.runtime.trace import previous_objects

    return previous_objects()


@efun("string origin()")
def origin() -> str:
    """How the running function was called: "local", "call_other", "functional" or "driver".

    Example: if (origin() != "driver") return 0;
    """
    return next(_origins(), "driver")


@efun("mixed *call_stack(int what = 0)")
def call_stack(what: int = 0) -> list[Value]:
    """One entry for each running function, this one first.

    0 gives their programs, 1 their objects, 2 their names, 3 their origins, 4 "file:line".

    Example: call_stack(2)[0] is the name of this function
    """
    from lpc.runtime import trace

    if what == 3:
        return list(_origins())
    frames = trace.call_stack()
    if what == 0:
        return [frame.program for frame in frames]
    if what == 1:
        return [0 if is_destructed(frame.object) else frame.object for frame in frames]
    if what == 2:
        return [frame.function for frame in frames]
    if what == 4:
        return [f"{frame.file}:{frame.line}" for frame in frames]
    raise LPCError("First argument of call_stack() must be 0, 1, 2, 3 or 4.")


def _origins() -> Iterator[str]:
    """The origin of each running function, innermost first."""
    from lpc.runtime.trace import function_name, lpc_frames

    frames = [(frame, frame.f_locals.get("self")) for frame in lpc_frames()]
    callers = [ob for _, ob in frames[1:]] + [None]
    for (frame, ob), caller in zip(frames, callers, strict=False):
        if function_name(frame.f_code).startswith("(:"):
            yield "functional"
        elif caller is None:
            yield "driver"
        else:
            yield "local" if caller is ob else "call_other"


@efun("mixed *dump_trace()")
def dump_trace() -> list[Value]:
    """The running functions, outermost first, each a mapping.

    Its keys are "function", "program", "object", "file", "line", "arguments" and "locals" (arrays).

    Example: dump_trace()[<1]["line"] is the number of this line
    """
    from lpc.runtime import trace

    return [
        mapping_of(
            [
                ("function", frame.function),
                ("program", frame.program),
                ("object", 0 if is_destructed(frame.object) else frame.object),
                ("file", frame.file),
                ("line", frame.line),
                ("arguments", list(frame.arguments.values())),
                ("locals", list(frame.locals.values())),
            ]
        )
        for frame in reversed(trace.call_stack())
    ]


# ---------------------------------------------------------------------------------------- errors, the end


@efun("void error(string message)")
def error(message: str) -> NoReturn:
    r"""Raise a run-time error. catch() gives its text with a leading * and one newline at the end.

    Example: error("No such room.\n")
    """
    raise LPCError(message)


@efun("void throw(mixed value)")
def throw(value: Value) -> NoReturn:
    """Leave the enclosing catch, which gives the value as it is.

    Example: throw(({ "not found", 404 }))
    """
    raise Thrown(value)


@efun("void shutdown(void | int code)")
def shutdown(this: LPCObject, code: int = 0) -> NoReturn:
    """End the driver, with an exit code. Nothing after it runs.

    Example: shutdown()
    """
    this.driver.shutdown(code)
    raise Shutdown(code)


@efun("void debug_message(string text)")
def debug_message(this: LPCObject, text: str) -> int:
    """Write a line to the driver's log.

    Example: debug_message("here")
    """
    this.driver.log(text)
    return 0


# ------------------------------------------------------------------------------------------ the evaluation


@efun("int set_eval_limit(int limit)")
def set_eval_limit(this: LPCObject, limit: int) -> int:
    """Set or ask what an evaluation may spend, in microseconds.

    0 refills the running evaluation and gives the limit, -1 gives what is left, 1 gives the limit; any
    greater number becomes the limit of later evaluations, as far as the driver's own limit allows.

    Example: set_eval_limit(0)
    """
    budget = this.driver.budget
    if limit == 0:
        budget.refill()
    elif limit == -1:
        return int(budget.remaining() * 1e6)
    elif limit < -1:
        raise LPCError("Invalid number.")
    elif limit > 1:
        budget.limit = min(limit / 1e6, this.driver.limits.evaluation_time)
    return int(budget.limit * 1e6)


@efun("int eval_cost(int which = -1)")
def eval_cost(this: LPCObject, which: int = -1) -> int:
    """Microseconds the running evaluation may still take: set_eval_limit(-1).

    Example: if (eval_cost() < 10000) call_out("go_on", 0)
    """
    return int(set_eval_limit(this, which))


@efun("int reset_eval_cost(int which = 0)")
def reset_eval_cost(this: LPCObject, which: int = 0) -> int:
    """Give the running evaluation its whole budget again: set_eval_limit(0).

    Example: reset_eval_cost()
    """
    return int(set_eval_limit(this, which))


@efun("int max_eval_cost(int which = 1)")
def max_eval_cost(this: LPCObject, which: int = 1) -> int:
    """What an evaluation may spend, in microseconds: set_eval_limit(1).

    Example: max_eval_cost() - eval_cost()
    """
    return int(set_eval_limit(this, which))


@efun("mixed get_config(int option)")
def get_config(this: LPCObject, option: int) -> Value:
    """The value of a runtime option, numbered as in runtime_config.h.

    Example: get_config(__MAX_ARRAY_SIZE__)
    """
    return this.driver.config(option)


@efun("mapping rusage()")
def rusage() -> Mapping:
    """What the process has used: "utime" and "stime" in milliseconds, "maxrss", "minflt" and so on.

    Example: rusage()["utime"]
    """
    from resource import RUSAGE_SELF, getrusage

    used = getrusage(RUSAGE_SELF)
    counters = (
        "maxrss", "ixrss", "idrss", "isrss", "minflt", "majflt", "nswap", "inblock", "oublock",
        "msgsnd", "msgrcv", "nsignals", "nvcsw", "nivcsw",
    )  # fmt: skip
    times = [("utime", int(used.ru_utime * 1000)), ("stime", int(used.ru_stime * 1000))]
    return mapping_of(times + [(name, getattr(used, f"ru_{name}")) for name in counters])
