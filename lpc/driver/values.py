"""Values the host hands to LPC: plain Python data becomes LPC data, anything else is refused.

No Python object may become reachable from LPC, so this is a closed list.
"""

from __future__ import annotations

from typing import Any

from lpc.runtime.closures import Closure
from lpc.runtime.objects import LPCObject
from lpc.runtime.values import INT_MAX, INT_MIN, Buffer, Mapping, Record, Undefined, Value, mapping_of

_AS_THEY_ARE = (str, float, Undefined, LPCObject, Closure, Mapping, Record, Buffer)


def to_lpc(value: Any) -> Value:
    """The LPC value for a Python one.

    None and False are 0, True is 1; list and tuple are arrays, dict a mapping, bytes a buffer; LPC's own
    values stay as they are. TypeError for any other kind, OverflowError for an int beyond 64 bits.
    """
    if value is None:
        return 0
    if isinstance(value, _AS_THEY_ARE):
        return value
    if isinstance(value, int):
        if not INT_MIN <= value <= INT_MAX:
            raise OverflowError(f"{value} does not fit an LPC int")
        return int(value)
    if isinstance(value, list | tuple):
        return [to_lpc(element) for element in value]
    if isinstance(value, dict):
        return mapping_of((to_lpc(key), to_lpc(element)) for key, element in value.items())
    if isinstance(value, bytes | bytearray):
        return Buffer(value)
    raise TypeError(f"LPC has no value for a Python {type(value).__name__}")
