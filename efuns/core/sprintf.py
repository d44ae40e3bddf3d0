"""sprintf() and printf().

A format is read once. The plain ones, `%s`, `%d`, `%f` with at most a width and a sign, become a Python
function that handles arguments of just the expected types; everything else, and every error, goes the
general way (efuns.core.format, efuns.core.columns).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from efuns.core.columns import lay_out
from efuns.core.format import OVERFLOW, Arguments, Field, Part, justified, parse, text_of
from lpc.efun import efun

if TYPE_CHECKING:
    from lpc.runtime.objects import LPCObject
    from lpc.runtime.values import Value

Formatter = Callable[["LPCObject", Sequence[Any]], str]

#: formats longer than this are not kept, and strings longer than this in all go the general way
_REMEMBERED: Final = 4096
_MOST_PLAIN: Final = 20
_WIDEST_PLAIN: Final = 1000


@efun("string sprintf(string format, mixed args...)")
def sprintf(this: LPCObject, format: str, *args: Value) -> str:
    """Text made by a format: C's conversions, `%O` for any value, columns, tables and arrays.

    `%s` takes a string, `%d %i %o %x %X` an int, `%c` a character's code, `%f %g` a number, `%O` anything;
    `%%` is a percent sign. Between the `%` and the letter may stand, in any order:

        n       the width in columns      -    at the left          'xy'   filled with this
        .n      precision                 |    centred              0n     filled with zeros
        :n      both                      +    a sign always        *      the number is an argument
        @       every element of an array     =    a word-wrapped column     #    a table of lines

    Example: sprintf("%-10s|%5d", "apples", 3) is "apples    |    3"
    """
    if len(format) > _REMEMBERED:
        return _formatter.__wrapped__(format)(this, args)
    return _formatter(format)(this, args)


@efun("void printf(string format, mixed args...)")
def printf(this: LPCObject, format: str, *args: Value) -> None:
    r"""Write what sprintf() makes of the same arguments.

    Example: printf("%s has %d coins\n", "Tom", 3)
    """
    this.driver.write(sprintf.function(this, format, *args))


@lru_cache(maxsize=512)
def _formatter(format: str) -> Formatter:
    """The function that turns arguments into the text of this format."""
    parts = parse(format)
    fields = [part for part in parts if not isinstance(part, str)]
    if not fields:
        text = parts[0] if parts else ""
        return lambda this, args: text  # type: ignore[return-value]
    if any(field.column or field.table for field in fields):
        return lambda this, args: lay_out(parts, args, this.driver.limits.string_length)
    general = _general(parts)
    return _plain(parts, general) if len(fields) <= _MOST_PLAIN and all(map(_is_plain, fields)) else general


def _general(parts: Sequence[Part]) -> Formatter:
    """Any format without columns."""

    def run(this: LPCObject, args: Sequence[Any]) -> str:
        limit = this.driver.limits.string_length
        arguments = Arguments(args, limit)
        pieces = []
        room = limit
        for part in parts:
            if isinstance(part, str):
                pieces.append(part)
                room -= len(part)
            else:
                room = _field(part, arguments, pieces, room)
            if room < 0:
                raise arguments.fault(OVERFLOW)
        return "".join(pieces)

    return run


def _field(field: Field, arguments: Arguments, pieces: list[str], room: int) -> int:
    """Add the text of one field, and tell how much room is left."""
    value, columns, precision = arguments.open(field)
    values = [value]
    if field.array:
        if type(value) is not list:
            raise arguments.fault("Array expected.")
        values = value
    for element in values:
        text = text_of(field, element, precision, arguments)
        pieces.append(justified(field, text, columns) if columns else text)
        room -= len(pieces[-1])
        if room < 0:
            raise arguments.fault(OVERFLOW)
    return room


# ------------------------------------------------------------------------------------- plain formats


def _is_plain(field: Field) -> bool:
    if field.fault or field.array or field.pad or field.centred or field.kind not in "sdif":
        return False
    if not field.sizes:
        return True
    (target, number), *more = field.sizes
    return not more and target == "width" and number is not None and number <= _WIDEST_PLAIN


def _plain(parts: Sequence[Part], general: Formatter) -> Formatter:
    """A Python function for one plain format; `general` takes what has not just the expected types."""
    names: list[str] = []
    tests: list[str] = []
    pieces: list[str] = []
    scope: dict[str, Any] = {"type": type, "len": len, "str": str, "int": int, "float": float, "general": general}
    strings: list[str] = []
    for part in parts:
        if isinstance(part, str):
            scope[f"t{len(scope)}"] = part
            pieces.append(f"{{t{len(scope) - 1}}}")
            continue
        name = f"a{len(names)}"
        names.append(name)
        columns = dict(part.sizes).get("width") or 0
        if part.kind == "s":
            strings.append(name)
            tests.append(f"type({name}) is str")
            if columns:  # a column is a character only in printable ASCII
                tests.append(f"{name}.isascii() and {name}.isprintable()")
        else:
            tests.append(f"type({name}) is {'float' if part.kind == 'f' else 'int'}")
        pieces.append(_plain_piece(part, name, columns))
    if strings:
        tests.append(f"{' + '.join(f'len({name})' for name in strings)} < {_REMEMBERED}")
    source = "\n".join([
        "def run(this, args):",
        f" if len(args) == {len(names)}:",
        f"  {', '.join(names)}, = args",
        f"  if {' and '.join(tests)}: return f'{''.join(pieces)}'",
        " return general(this, args)",
    ])
    exec(compile(source, "<sprintf>", "exec"), scope)  # noqa: S102 - names and widths of our own only
    return scope["run"]  # type: ignore[no-any-return]


def _plain_piece(field: Field, name: str, columns: int) -> str:
    """The replacement field of an f-string for one plain field."""
    text = name
    if field.kind == "f":
        text = f"{name}:{field.sign}f"
    elif field.sign:
        text = f"{name}:{field.sign}"
    if not columns:
        return f"{{{text}}}"
    side = "ljust" if field.left else "rjust"
    if field.kind == "s":
        return f"{{{name}.{side}({columns})}}"
    if text == name:
        return f"{{str({name}).{side}({columns})}}"
    spec = text.partition(":")[2]
    return f"{{{name}:{'<' if field.left else '>'}{spec.removesuffix('f')}{columns}{'f' if field.kind == 'f' else ''}}}"


