"""LPC's view of Python's stack: frames of compiled functions, and native exceptions as LPC errors.

A frame belongs to LPC when its globals are a driver's namespace. Its code's file name is
`"/path.c?digest"`, which finds the `Program` (and with it the line table); its first local is the object.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType, FrameType, TracebackType
from typing import Any, Protocol

from lpc.errors import LPCError
from lpc.runtime.operators import wrap
from lpc.runtime.references import Cell
from lpc.runtime.show import show
from lpc.runtime.values import INT_MAX, INT_MIN, SMALL, Value

#: Where a namespace keeps its programs by file name, and how a namespace is recognised.
PROGRAMS = "#programs"

#: Python exceptions that compiled code may raise by itself.
NATIVE = (IndexError, ZeroDivisionError, TypeError, RecursionError, MemoryError, OverflowError)


@dataclass(frozen=True, slots=True)
class Frame:
    """One LPC frame. `line` and `column` (1-based, 0 unknown) are where it stands; `end_column` is exclusive
    and 0 when the range ends on another line. `arguments` and `locals` are by LPC name."""

    function: str
    program: str
    object: Any
    file: str
    line: int
    column: int
    end_column: int
    arguments: dict[str, Value]
    locals: dict[str, Value]


def is_lpc(namespace: dict[str, Any]) -> bool:
    """Whether a frame's globals are a driver's namespace."""
    return PROGRAMS in namespace


def function_name(code: CodeType) -> str:
    """The LPC name of a compiled function."""
    name = code.co_name
    if name == "<lambda>" or name.startswith("<functional>"):
        count = sum(1 for parameter in code.co_varnames[2 : code.co_argcount] if parameter.startswith("$"))
        return f"(: <code>({', '.join(f'${i + 1}' for i in range(count))}) :)"
    if name.startswith("<function>"):
        return "(: <code>() :)"
    return name


def frame_of(python: FrameType, last: int) -> Frame:
    """The LPC frame of a Python frame at instruction `last` (a byte offset)."""
    code = python.f_code
    found = position_in(code, last)
    program = python.f_globals[PROGRAMS].get(code.co_filename)
    path = code.co_filename.partition("?")[0]
    file, line = program.locate(found[0]) if program is not None else (path, found[0])
    values = python.f_locals
    names = code.co_varnames[2 : code.co_argcount]
    arguments = {_plain(name): _held(values[name]) for name in names if name in values}
    variables = {_plain(name): _held(value) for name, value in values.items()
                 if "." in name and name not in names and not name.startswith("$")}
    column, end_column = found[1] + 1, found[3] + 1 if found[2] == found[0] else 0
    return Frame(function_name(code), path, values.get("self"), file, line, column, end_column, arguments, variables)


def _plain(name: str) -> str:
    return name.rpartition(".")[0] or name


def _held(value: Value) -> Value:
    """A variable's value as LPC may see it: a sum in a loop may lie outside 64 bits as yet."""
    if isinstance(value, Cell):
        return value.value
    return wrap(value) if type(value) is int and not INT_MIN <= value <= INT_MAX else value


def position_in(code: CodeType, last: int) -> tuple[int, int, int, int]:
    """(line, column, end line, end column) of the instruction at byte offset `last`; 0 where unknown."""
    for at, found in enumerate(code.co_positions()):
        if at == last // 2:
            line, end_line, column, end_column = found
            return line or code.co_firstlineno, column or 0, end_line or 0, end_column or 0
    return code.co_firstlineno, 0, 0, 0


def traceback_frames(traceback: TracebackType | None) -> list[Frame]:
    """The LPC frames a traceback passes through, outermost first."""
    frames = []
    while traceback is not None:
        if is_lpc(traceback.tb_frame.f_globals):
            frames.append(frame_of(traceback.tb_frame, traceback.tb_lasti))
        traceback = traceback.tb_next
    return frames


def trace_of(error: BaseException) -> list[Frame]:
    """The LPC frames of an exception, outermost first: those above where it is caught, then its own."""
    frames = traceback_frames(error.__traceback__)
    if error.__traceback__ is not None:
        above = [frame_of(frame, frame.f_lasti) for frame in lpc_frames(error.__traceback__.tb_frame.f_back)]
        frames = above[::-1] + frames
    return frames


def lpc_frames(start: FrameType | None = None) -> Iterator[FrameType]:
    """The Python frames of LPC functions, innermost first."""
    frame = start if start is not None else sys._getframe(1)
    while frame is not None:
        if is_lpc(frame.f_globals):
            yield frame
        frame = frame.f_back  # type: ignore[assignment]


def current_object() -> Any:
    """The object whose code runs now; 0 where none does."""
    frame = next(lpc_frames(sys._getframe(1)), None)
    found = None if frame is None else frame.f_locals.get("self")
    return 0 if found is None or found.is_destructed else found


def call_stack() -> list[Frame]:
    """The LPC frames of the running evaluation, innermost first."""
    return [frame_of(frame, frame.f_lasti) for frame in lpc_frames(sys._getframe(1))]


def previous_objects() -> list[Any]:
    """The chain of previous objects, nearest first: every change of object on the stack."""
    chain: list[Any] = []
    current: Any = None
    for frame in lpc_frames(sys._getframe(1)):
        ob = frame.f_locals.get("self")
        if current is not None and ob is not current:
            chain.append(ob)
        current = ob
    return [ob for ob in chain if not ob.is_destructed]


# --------------------------------------------------------------------------------------- native exceptions


class Defects(Protocol):
    """Where our own defects are logged."""

    def error(self, message: str, exc_info: BaseException) -> None:
        """Log one, with its Python trace."""


def to_lpc_error(error: BaseException, defects: Defects) -> LPCError:
    """What LPC sees of an exception that ended its code.

    An LPCError is itself. A native exception raised by a compiled function is the LPC error of the operation;
    one from anywhere else is a defect of ours, logged with its Python trace.
    """
    if isinstance(error, LPCError):
        return error
    if isinstance(error, RecursionError):
        return LPCError("Too deep recursion.")
    if isinstance(error, MemoryError):
        return LPCError("Out of memory.")
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    if last is not None and is_lpc(last.tb_frame.f_globals):
        return LPCError(_message(error, last))
    defects.error("internal error in an efun", error)
    return LPCError("Internal error in the driver (logged).")


_OPERAND_NAMES = {
    "int": "int", "Undefined": "int", "float": "float", "str": "string", "list": "array", "Mapping": "mapping",
    "Buffer": "buffer", "Record": "class", "Closure": "function", "Destructed": "int", "NoneType": "void",
}
_COMPARISON_OPERANDS = {"int": "int or float", "float": "int or float", "string": "string"}


def _message(error: BaseException, traceback: TracebackType) -> str:
    if isinstance(error, IndexError):
        stored = _operation(traceback).opname.startswith("STORE")
        return "Array index out of bounds" if stored else "Array index out of bounds."
    if isinstance(error, ZeroDivisionError):
        if "float" in str(error):
            return "Division by 0.0"
        return "Modulus by zero." if _operation(traceback).argrepr.startswith("%") else "Division by zero"
    if _is_range_test(traceback):
        # Both operands were declared numbers and held something else that Python adds: see docs/adr/0004.
        kind = _OPERAND_NAMES.get(str(error).split("'")[3], "object")
        return f"Bad type argument to +. Had {kind} and {kind}"
    return _type_message(str(error), *_operands(traceback))


def _operands(traceback: TracebackType) -> tuple[str | None, str | None]:
    """The operands of the failing instruction, where they are local variables or constants, as errors show them."""
    instructions = list(dis.get_instructions(traceback.tb_frame.f_code))
    at = next(n for n, instruction in enumerate(instructions) if instruction.offset == traceback.tb_lasti)
    shown: list[str | None] = []
    for instruction in (instructions[at - 1], instructions[at - 2]):
        if instruction.opname == "LOAD_CONST":
            shown.append(show(instruction.argval))
        elif instruction.opname == "LOAD_FAST":
            shown.append(show(_held(traceback.tb_frame.f_locals[instruction.argval])))
        else:
            break
    right, left = [*shown, None, None][:2]
    return left, right


def _is_range_test(traceback: TracebackType) -> bool:
    """Whether the failing instruction compares an arithmetic result with the bound of small ints."""
    instructions = list(dis.get_instructions(traceback.tb_frame.f_code))
    at = next(n for n, instruction in enumerate(instructions) if instruction.offset == traceback.tb_lasti)
    if instructions[at].opname != "COMPARE_OP" or instructions[at - 1].argval not in (SMALL, -SMALL):
        return False
    return str(instructions[at - 2].argval).startswith("${")  # the temporary that holds the result


def _operation(traceback: TracebackType) -> dis.Instruction:
    code = traceback.tb_frame.f_code
    for instruction in dis.get_instructions(code):
        if instruction.offset == traceback.tb_lasti:
            return instruction
    raise AssertionError("a traceback points at no instruction")


def _type_message(text: str, left_value: str | None = None, right_value: str | None = None) -> str:
    """FluffOS's text for Python's `unsupported operand type(s) for +: 'int' and 'str'` and the like."""
    quoted = [part for at, part in enumerate(text.split("'")) if at % 2]
    if text.startswith("unsupported operand") and len(quoted) == 2:
        operator = text.partition(" for ")[2].partition(":")[0].removesuffix("=")
        left, right = (_OPERAND_NAMES.get(name, "object") for name in quoted)
        if operator in ("+", "-") and operator == "+":
            return f"Bad type argument to +. Had {left} and {right}"
        if operator == "-":
            return "Bad left type to -." if right in ("int", "float", "array") else "Bad right type to -."
        return f"Bad argument {1 if left not in ('int', 'float') else 2} to {operator}"
    if "can only concatenate" in text or "must be str" in text:
        other = _OPERAND_NAMES.get(text.split('"')[1], "object") if '"' in text else "mixed"
        left = "array" if "concatenate list" in text else "string"
        return f"Bad type argument to +. Had {left} and {other}"
    if "not supported between" in text and len(quoted) == 3:
        operator, left, right = quoted[0], *(_OPERAND_NAMES.get(name, "object") for name in quoted[1:])
        if left in _COMPARISON_OPERANDS:
            return f"Bad argument 2 to {operator}\nExpected: {_COMPARISON_OPERANDS[left]} Got: {right_value or right}."
        return f"Bad argument 1 to {operator}\nExpected: string or int or float Got: {left_value or left}."
    if text.startswith("bad operand type for unary"):
        return "Bad argument to unary minus" if "unary -" in text else "Bad argument to ~"
    return "Bad argument 2 to *" if text.startswith("can't multiply") else "Bad argument to an operator"
