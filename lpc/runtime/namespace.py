"""The names compiled code runs with: the globals of every LPC function of one driver.

No name here can be written in LPC; LPC's own names never reach Python's. There are no Python builtins but
the few listed, so compiled code can reach nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from math import ceil, floor, isfinite
from typing import TYPE_CHECKING, Any, NoReturn
from weakref import WeakValueDictionary

from lpc.errors import EvaluationLimit, LPCError
from lpc.runtime import call, operators, references, values
from lpc.runtime.budget import Budget
from lpc.runtime.host import Host
from lpc.runtime.objects import LPCObject
from lpc.runtime.operators import SMALL_STRING, Operators
from lpc.runtime.scan import scan, scanner
from lpc.runtime.show import show
from lpc.runtime.trace import NATIVE, PROGRAMS
from lpc.runtime.values import INT_MAX, INT_MIN

if TYPE_CHECKING:
    from lpc.efun import Efun
    from lpc.runtime.values import Value

_BUILTINS: dict[str, Any] = {
    "type": type, "len": len, "isinstance": isinstance, "range": range, "max": max,
    "int": int, "float": float, "str": str, "list": list,
}
_OPERATORS = (
    "wrap subtract multiply divide modulo bit_and shift_left shift_right negate complement step unordered "
    "less less_equal greater greater_equal size_of index from_end read_from_end optional_index member store_member "
    "class_values extract pairs spread is_zero switch_subject range_case to_type"
).split()
_CALLS = (
    "call_target late_target spread_call reference_call reference_value spread_efun call_value functional "
    "lfun_pointer simul_pointer efun_pointer"
).split()
_REFERENCES = "cell Cell VariableCell".split()
_VALUES = "UNDEFINED Mapping Record as_key equal Itself".split()

#: A loop over no more values than this, whose body does not look at the clock, is over soon.
_FEW_ELEMENTS = 1_000_000


def make_namespace(host: Host, efuns: Mapping[str, Efun]) -> dict[str, Any]:
    """The namespace of a driver. `SIMUL_EFUN` is set when that object is loaded."""
    limits = host.limits

    def look() -> None:
        if namespace["STOP"]:
            namespace["stop"]()

    def looked(value: Value) -> Value:
        look()
        return value

    sized = Operators(limits.string_length, limits.array_size, limits.mapping_size, limits.buffer_size, look)
    namespace: dict[str, Any] = {
        "__builtins__": {}, PROGRAMS: WeakValueDictionary(), "STOP": False, "SIMUL_EFUN": None,
        "STRING_LENGTH": limits.string_length, "SMALL_STRING": min(SMALL_STRING, limits.string_length),
        "MAPPING_SIZE": limits.mapping_size, "LPCObject": LPCObject,
        "OBJECT": type("Object", (LPCObject,), {"__slots__": (), "driver": host}),  # base of this driver's objects
        "CATCHABLE": (LPCError, *NATIVE),
    }
    namespace |= _BUILTINS
    for module, names in ((operators, _OPERATORS), (call, _CALLS), (references, _REFERENCES), (values, _VALUES)):
        namespace |= {name: getattr(module, name) for name in names}
    namespace |= {
        "add": sized.add, "bit_or": sized.bit_or, "bit_xor": sized.bit_xor, "add_to": sized.add_to,
        "store": sized.store, "replace_range": sized.replace_range,
        "limited_array": sized.array, "limited_mapping": sized.mapping, "join": sized.join,
        "put": lambda base, key, value: _put(sized, base, key, value),
        "entries": _entries, "too_long": _too_long, "check_type": check_type,
        "element_cell": lambda base, key: references.element_cell(base, key, sized.store),
        "member_cell": lambda base, name: references.member_cell(base, name, sized.store),
        "store_element": lambda base, key, value: _store_element(sized, base, key, value),
        "without_end": lambda text, end: text[: len(text) - len(end)],
        "loop_limit": _loop_limit, "endless": _endless, "microseconds": _microseconds, "record_type": _record_type,
        "sscanf": lambda text, format, count: scan(text, format, count, limits.regexp_time),
        "scanner": lambda format, count: _scanner(limits.regexp_time, format, count),
        "clone": _clone, "caught": _caught, "looked": looked, "large_string": sized.string,
        "stoppable": lambda values: _stoppable(look, values), "elements": lambda value: _elements(look, value),
    }
    namespace |= {f"e:{name}": efun.function for name, efun in efuns.items()}
    namespace["EFUNS"] = efuns
    return namespace


def attach_budget(namespace: dict[str, Any], budget: Budget) -> None:
    """Let compiled code end an evaluation whose budget is spent."""
    namespace["stop"] = budget.stop


def _stoppable(look: Callable[[], None], values: Iterable[Value]) -> Iterator[Value]:
    """The values of a long loop that does not look at the clock itself."""
    for value in values:
        look()
        yield value


def _elements(look: Callable[[], None], value: Value) -> Iterable[Value]:
    """What `foreach (x in value)` runs over."""
    found = operators.elements(value)
    return found if len(found) <= _FEW_ELEMENTS else _stoppable(look, found)


def _put(sized: Operators, base: Value, key: Value, value: Value) -> Value:
    """`variable[key] = value`: what the variable holds then; another string, or the same container."""
    if type(base) is str:
        return operators.store_character(base, key, value)
    sized.store(base, key, value)
    return base


def _entries(container: Value, variables: int) -> Iterator[tuple[Value, ...]]:
    """What `foreach (ref …)` runs over: the key to write to, then the loop's variables."""
    if variables == 2:
        return ((key, key, value) for key, value in operators.pairs(container))
    if type(container) is str:
        return enumerate(map(_character, operators.elements(container)))
    return iter(enumerate(operators.elements(container)))


def _character(code: int) -> int:
    if code < 0:
        raise operators.several_code_points()
    return code


def _store_element(sized: Operators, base: Value, key: Value, value: Value) -> Value:
    """An assignment to the variable of `foreach (ref …)`. A string is not changed, and a key that was deleted
    meanwhile does not come back."""
    if type(base) is str:
        operators.check_character(value)
        return value
    if type(base) is values.Mapping and values.as_key(key) not in base:
        return value
    return sized.store(base, key, value)


def _too_long() -> NoReturn:
    raise LPCError("Result of string addition is longer than the maximum string length.")


def _loop_limit(value: Value, operator: str) -> int:
    """The bound of a counting loop as an int (one more than the largest: "<" a float no int reaches)."""
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not isfinite(value):
            return INT_MAX + (operator == "<") if value > 0 else INT_MIN
        return max(INT_MIN, min(ceil(value), INT_MAX + 1) if operator == "<" else min(floor(value), INT_MAX))
    if values.is_destructed(value):
        return 0
    raise operators.bad_operand(operator, 2, "int or float", value)


def _endless() -> NoReturn:
    """A counting loop has counted past the largest int."""
    raise EvaluationLimit("Too long evaluation. Execution aborted.")


def _microseconds() -> int:
    return time.perf_counter_ns() // 1000


@lru_cache(maxsize=1024)
def _record_type(name: str, members: tuple[str, ...]) -> values.RecordType:
    return values.RecordType(name, members)


def _scanner(seconds: float, format: str, count: int) -> Callable[[Value], tuple[int, list[Value]]]:
    """The function of a constant sscanf() format; the format's own faults are raised when it is used."""
    run: Callable[[str], tuple[int, list[Value]]] | None = None

    def first(text: Value) -> tuple[int, list[Value]]:
        nonlocal run
        if type(text) is not str:
            return scan(text, format, count, seconds)
        if run is None:
            run = scanner(format, count, seconds)
        return run(text)

    return first


def _clone(this: LPCObject, path: Value, *args: Value) -> Value:
    """`new(path, …)`"""
    if isinstance(path, LPCObject) and not path.is_destructed:
        path = path.name
    if not isinstance(path, str):
        raise LPCError(f"Bad argument 1 to new()\nExpected: string Got: {show(path)}.")
    return this.driver.clone_object(path, *args)


def _caught(this: LPCObject, error: BaseException) -> Value:
    """What catch() yields for an exception."""
    return this.driver.caught(error)


_MATCHES: dict[str, Any] = {
    "int": lambda v: isinstance(v, int), "float": lambda v: isinstance(v, float),
    "string": lambda v: isinstance(v, str), "mapping": lambda v: type(v) is values.Mapping,
    "buffer": lambda v: type(v) is values.Buffer,
    "object": lambda v: isinstance(v, LPCObject), "function": lambda v: operators.type_name(v) == "function",
}


def check_type(value: Value, wanted: str) -> Value:
    """A value on its way into a typed variable under strict_types: 0 always passes."""
    if wanted.endswith("*"):
        fits = type(value) is list
    elif wanted.startswith("class "):
        fits = type(value) is values.Record
    else:
        fits = _MATCHES[wanted](value) if wanted in _MATCHES else True
    if fits or (isinstance(value, int) and value == 0) or values.is_destructed(value):
        return value
    raise LPCError(f"Trying to put {operators.type_name(value)} in {wanted}")
