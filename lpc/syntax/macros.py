"""Macros: their definitions and their expansion, text to text.

`Expander.expand` turns one macro use into text with nothing left to expand; the lexer turns that into tokens.
The rules are those of the dialect: the body is rescanned together with what follows it, so a body may end in
the name of a function-like macro whose arguments stand after the use; only `()` and literals protect commas;
a macro's name means nothing inside its own expansion.

Nothing here recurses except for macros in arguments of macros, and the work is bounded: every expansion is
charged to a budget per compilation, and when that is spent `exhausted` says so and nothing more is expanded.

    LPC1021 malformed #define      LPC1022 misplaced ##      LPC1025 arguments not closed      LPC1026 limits
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from lpc.diagnostics import Expansion
from lpc.source import Position

#: Macros open inside each other, macro uses inside arguments of macros, characters all expansions together may
#: produce.
MAX_NESTING = 65535
MAX_ARGUMENT_NESTING = 64
MAX_EXPANSION = 8 << 20

#: In characters: what entering a macro costs besides its text, so that empty macros are not free; reading a
#: character of an argument, which happens at every level of nesting; and a token that comes out in the end.
_ENTRY_COST = 16
_ARGUMENT_COST = 2
TOKEN_COST = 4

#: Macros of one use that are remembered for notes.
_REMEMBERED = 200

# In text that is being expanded, a name that must not be expanded again carries this mark. Sources hold no NUL.
_PAINT = "\0"


class Substitution(Enum):
    """How a parameter of a function-like macro is replaced."""

    EXPANDED = "expanded"
    RAW = "raw"
    STRING = "string"


class Dynamic(Enum):
    """Macros whose text depends on the place, and the operators of conditions."""

    LINE = "__LINE__"
    FILE = "__FILE__"
    DIR = "__DIR__"
    DEFINED = "defined"
    EFUN_DEFINED = "efun_defined"


Piece = str | tuple[int, Substitution]


@dataclass(slots=True, eq=False)
class Macro:
    """One definition. `parameters` None: object-like. `start` None: not defined in a source."""

    name: str
    body: str
    parameters: tuple[str, ...] | None = None
    start: Position | None = None
    pieces: list[Piece] = field(default_factory=list)
    dynamic: Dynamic | None = None
    #: Whether its expansion is under way: its name means nothing there.
    active: bool = False

    def __post_init__(self) -> None:
        if not self.pieces:
            self.pieces = [self.body]

    @property
    def predefined(self) -> bool:
        """Whether it belongs to the driver and may be neither redefined nor undefined."""
        return self.start is None


# ---------------------------------------------------------------------------------------------- text segments

# What macro text is made of, as far as expansion needs to know. One group per alternative.
_SEGMENT = re.compile(
    r"""(\x00?[A-Za-z_][A-Za-z0-9_]*+)"""  # 1 word
    r"""|([0-9][0-9A-Za-z_]*+)"""  # 2 number: a word may not start in it
    r"""|("[^"\\]*+(?:\\.[^"\\]*+)*+"|'(?:\\.[^'\n]{0,12}+|[^\\])')"""  # 3 string or character
    r"""|(`)"""  # 4 template literal
    r"""|([{}])"""  # 5 brace
    r"""|([(),])"""  # 6 what arguments are split at
    r"""|(//[^\n]*+|/\*)"""  # 7 comment
    r"""|(\s+)"""  # 8 white space
    r"""|(\#\#?)"""  # 9 operators of bodies
    r"""|(\\.|[^\x00A-Za-z0-9_"'`{}(),/\s#\\]++|.)""",  # 10 anything else, an escaped quote among it
    re.DOTALL | re.ASCII,
)
_WORD: Final = 1
_LITERAL: Final = 3
_TEMPLATE: Final = 4
_BRACE: Final = 5
_SPLIT: Final = 6
_COMMENT: Final = 7
_SPACE: Final = 8
_HASH: Final = 9

_NAMES = re.compile(r"[A-Za-z_][A-Za-z0-9_]*+")
_SPACES = re.compile(r"\s*+", re.ASCII)
_BLANK = re.compile(r"(?:\s++|//[^\n]*+|/\*(?:[^*]++|\*(?!/))*+(?:\*/|\Z)|\\\n)*+", re.ASCII)
_DIRECTIVE_LINE = re.compile(r"\n[ \t\r\f\v]*+(#[^\n]*+)")
_OPERAND = re.compile(r"\s*+(?:\(\s*+([A-Za-z_][A-Za-z0-9_]*+)\s*+\)|([A-Za-z_][A-Za-z0-9_]*+))", re.ASCII)

#: The text part of a template literal, up to and with what ends it.
TEMPLATE_TEXT = re.compile(r"[^`\\$]*+(?:(?:\\.|\$(?!\{))[^`\\$]*+)*+(`|\$\{)?", re.DOTALL)

# Operators some of which make another one when they meet: text of an expansion must not grow together with
# its neighbours.
_JOINING = frozenset("+-<>=&|?:/*.!%^")


def _template_text(text: str, start: int, quote: str, depths: list[int]) -> int:
    """The end of the template literal's text part that begins with this ` or }; `start` + 1 when none does.

    `depths` holds the braces open in each `${` round this place, and is kept up to date.
    """
    opening = quote == "`"
    if not opening:
        if not depths:
            return start + 1
        if quote == "{" or depths[-1]:
            depths[-1] += 1 if quote == "{" else -1
            return start + 1
    match = TEMPLATE_TEXT.match(text, start + 1)
    ending = match[1] if match else None
    if opening and ending == "${":
        depths.append(0)
    elif not opening and ending != "${":
        depths.pop()
    return match.end() if match else len(text)


def _comment_end(text: str, start: int) -> int:
    end = text.find("*/", start + 2)
    return len(text) if end < 0 else end + 2


# ----------------------------------------------------------------------------------------------------- #define

_HEAD = re.compile(r"([A-Za-z_][A-Za-z0-9_]*+)(?:\(([^)]*+)(\)?))?")


def parse_define(text: str, at: Position) -> Macro | tuple[str, str]:
    """The macro of `#define text` (comments and line splices removed); otherwise code and message of the fault.

    `at` is the position of the text's first character.
    """
    head = _HEAD.match(text)
    if head is None:
        return "LPC1021", "#define: missing name"
    parameters: tuple[str, ...] | None = None
    if head[2] is not None:
        parameters = tuple(name.strip() for name in head[2].split(","))
        if parameters == ("",):
            parameters = ()
        valid = all(_NAMES.fullmatch(name) for name in parameters) and len(set(parameters)) == len(parameters)
        if not head[3] or not valid:
            return "LPC1021", "#define: malformed macro parameter list"
    body = text[head.end():].strip()
    for where, misplaced in (("start", body.startswith("##")), ("end", body.endswith("##"))):
        if misplaced:
            return "LPC1022", f"'##' cannot appear at {where} of macro body"
    return Macro(head[1], body, parameters, at, _pieces(body, parameters or ()))


def _pieces(body: str, parameters: tuple[str, ...]) -> list[Piece]:
    """A body, cut at its parameters and its `##`."""
    if "##" not in body and not parameters:
        return [body]
    index = {name: at for at, name in enumerate(parameters)}
    pieces: list[Piece] = []
    depths: list[int] = []
    pasting = False
    at = 0
    while at < len(body):
        match = _SEGMENT.match(body, at)
        assert match is not None  # the last alternative takes anything
        kind, text, at = match.lastindex, match[0], match.end()
        if kind in (_TEMPLATE, _BRACE):
            at = _template_text(body, match.start(), text, depths)
            text = body[match.start():at]
        if kind == _HASH and text == "##":
            _trim(pieces)
            at = _skip_space(body, at)
            pasting = True
            continue
        if kind == _HASH and (name := _NAMES.match(body, _skip_space(body, at))) and name[0] in index:
            pieces.append((index[name[0]], Substitution.STRING))
            at = name.end()
        elif kind == _WORD and text in index:
            pieces.append((index[text], Substitution.RAW if pasting else Substitution.EXPANDED))
        else:
            pieces.append(text)
        pasting = False
    return _joined(pieces)


def _trim(pieces: list[Piece]) -> None:
    """Prepare the left operand of a `##`: no white space behind it, and not expanded if it is a parameter."""
    while pieces and isinstance(pieces[-1], str) and pieces[-1].isspace():
        pieces.pop()
    if pieces and isinstance(last := pieces[-1], tuple) and last[1] is Substitution.EXPANDED:
        pieces[-1] = (last[0], Substitution.RAW)


def _joined(pieces: list[Piece]) -> list[Piece]:
    """The same with neighbouring texts made one."""
    result: list[Piece] = []
    for piece in pieces:
        if result and isinstance(piece, str) and isinstance(last := result[-1], str):
            result[-1] = last + piece
        else:
            result.append(piece)
    return result or [""]


def _skip_space(text: str, at: int) -> int:
    match = _SPACES.match(text, at)
    return match.end() if match else at


def quoted(text: str) -> str:
    """`text` as a string literal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


# --------------------------------------------------------------------------------------------------- expansion


class _Frame:
    """A text being read: the expansion of `macro`, or what stands round the use (None)."""

    __slots__ = ("text", "offset", "macro", "index", "depths")

    def __init__(self, text: str, macro: Macro | None, index: int, offset: int = 0) -> None:
        self.text = text
        self.offset = offset
        self.macro = macro
        self.index = index
        self.depths: list[int] = []


class _Output:
    """Text put together so that pieces from different places do not grow into one token."""

    __slots__ = ("parts", "last", "boundary")

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.last = ""
        self.boundary = False

    def add(self, text: str) -> None:
        if not text:
            return
        if self.boundary:
            if self.last in _JOINING and text[0] in _JOINING:
                self.parts.append(" ")
            self.boundary = False
        self.parts.append(text)
        self.last = text[-1]


class Expander:
    """Expands macro uses of one compilation.

    `line` and `file` are those of the use being expanded; `report` is given the code and message of a fault
    in it. After `expand`: `used`, the macros that took part, and `fixed`, whether the same name gives the
    same text anywhere until a macro is defined or undefined.
    """

    def __init__(self, words: Mapping[str, str | Macro], report: Callable[[str, str], None],
                 efun_defined: Callable[[str], bool]) -> None:
        self._words = words
        self._report = report
        self._efun_defined = efun_defined
        self._spent = 0
        self._argument_depth = 0
        self.exhausted = False
        self.line = 0
        self.file = ""
        self.used: list[Expansion] = []
        self.fixed = True

    def expand(self, macro: Macro, text: str, offset: int) -> tuple[str | None, int]:
        """What the use of `macro` becomes, and how far it reaches in `text`, in which it ends at `offset`.

        None when the name is to be an ordinary identifier: a function-like macro without arguments.
        """
        self.used = []
        self.fixed = True
        surroundings = _Frame(text, None, -1, offset)
        stack = [surroundings]
        output = _Output()
        if not self._enter(macro, stack, output):
            return None, offset
        self._run(stack, output)
        return "".join(output.parts).replace(_PAINT, ""), surroundings.offset

    def expand_all(self, text: str) -> str:
        """`text`, all macros in it expanded."""
        self.used = []
        return self._expand_text(text).replace(_PAINT, "")

    def _run(self, stack: list[_Frame], output: _Output) -> None:
        """Rescan until only the lowest frame is left."""
        while len(stack) > 1 and not self.exhausted:
            frame = stack[-1]
            match = _SEGMENT.match(frame.text, frame.offset)
            if match is None:
                self._leave(stack, output)
                continue
            text, kind, frame.offset = match[0], match.lastindex, match.end()
            if kind == _WORD and isinstance(macro := self._words.get(text), Macro):
                if macro.active:
                    output.add(_PAINT + text)
                elif not self._enter(macro, stack, output):
                    output.add(text)
                continue
            if kind == _TEMPLATE or kind == _BRACE:
                frame.offset = _template_text(frame.text, match.start(), text, frame.depths)
                text = frame.text[match.start():frame.offset]
            output.add(text)

    def _leave(self, stack: list[_Frame], output: _Output) -> None:
        macro = stack.pop().macro
        if macro is not None:
            macro.active = False
        output.boundary = True

    def _enter(self, macro: Macro, stack: list[_Frame], output: _Output) -> bool:
        """Push the macro's text; False when it is function-like and no arguments follow."""
        if macro.dynamic is not None:
            output.boundary = True
            output.add(self._dynamic(macro.dynamic, stack))
            output.boundary = True
            return True
        parent = stack[-1].index
        arguments = [] if macro.parameters is None else self._arguments(macro, stack)
        if arguments is None:
            return False
        index = self._remember(macro, parent)
        text = self._substitute(macro, arguments, index)
        if not self.charge(len(text) + _ENTRY_COST):
            return True
        if len(stack) > MAX_NESTING:
            self._exhaust("Macro expansion nested too deep")
        else:
            macro.active = True
            stack.append(_Frame(text, macro, index))
            output.boundary = True
        return True

    def charge(self, amount: int) -> bool:
        """Count `amount` characters or tokens of expansion; False when that is too much."""
        self._spent += amount
        if self._spent > MAX_EXPANSION:
            self._exhaust("Macro expansion too large")
        return not self.exhausted

    def _exhaust(self, message: str) -> None:
        if not self.exhausted:
            self.exhausted = True
            self._report("LPC1026", message)

    def _remember(self, macro: Macro, parent: int) -> int:
        if len(self.used) < _REMEMBERED:
            self.used.append(Expansion(macro.name, macro.start, macro.body, parent))
            return len(self.used) - 1
        return max(0, parent)

    # ---------------------------------------------------------------------------------- arguments

    def _arguments(self, macro: Macro, stack: list[_Frame]) -> list[str] | None:
        """The arguments that follow; what they are read from is consumed. None, and nothing consumed: there
        are none."""
        for depth in range(len(stack) - 1, -1, -1):
            frame = stack[depth]
            if depth == 0:
                self.fixed = False
            blank = _BLANK.match(frame.text, frame.offset)
            offset = blank.end() if blank else frame.offset
            if offset < len(frame.text):
                break
        else:
            return None
        if frame.text[offset] != "(":
            return None
        while len(stack) > depth + 1:
            ended = stack.pop().macro
            if ended is not None:
                ended.active = False
        frame.offset = offset + 1
        return self._read_arguments(macro, stack)

    def _read_arguments(self, macro: Macro, stack: list[_Frame]) -> list[str]:
        arguments: list[str] = []
        current: list[str] = []
        open_parentheses = 0
        depths: list[int] = []
        size = 0
        while True:
            frame = stack[-1]
            match = _SEGMENT.match(frame.text, frame.offset)
            if match is None:
                if len(stack) == 1 or frame.macro is None:
                    self._report("LPC1025", f"End of file in macro arguments of '{macro.name}'")
                    break
                ended = stack.pop().macro
                if ended is not None:
                    ended.active = False
                current.append(" ")
                continue
            text, kind, frame.offset = match[0], match.lastindex, match.end()
            if kind == _SPACE:
                text = self._line_end(frame, match) if "\n" in text else text
            elif kind == _COMMENT:
                text = " "
                if match[0] == "/*":
                    frame.offset = _comment_end(frame.text, match.start())
            elif kind == _TEMPLATE or kind == _BRACE:
                frame.offset = _template_text(frame.text, match.start(), text, depths)
                text = frame.text[match.start():frame.offset]
            elif kind == _SPLIT and not depths:
                if text == "(":
                    open_parentheses += 1
                elif text == ")":
                    open_parentheses -= 1
                    if open_parentheses < 0:
                        break
                elif open_parentheses == 0:
                    arguments.append("".join(current).strip())
                    current = []
                    continue
            elif text == "\\\n":
                text = ""
            current.append(text)
            size += len(text)
        self.charge(size * _ARGUMENT_COST)
        arguments.append("".join(current).strip())
        return arguments

    def _line_end(self, frame: _Frame, match: re.Match[str]) -> str:
        """White space with a line end in it is one blank; a directive there is a mistake and is left out."""
        directive = _DIRECTIVE_LINE.match(frame.text, frame.text.rfind("\n", match.start(), match.end()))
        if directive is not None and frame.macro is None:
            self._report("LPC1025", f"preprocessor directive in macro arguments: '{directive[1].split()[0]}'")
            frame.offset = directive.end()
        return " "

    def _substitute(self, macro: Macro, arguments: list[str], index: int) -> str:
        first = macro.pieces[0]
        if len(macro.pieces) == 1 and isinstance(first, str):
            return first
        output = _Output()
        expanded: dict[int, str] = {}
        parameters = macro.parameters or ()
        for piece in macro.pieces:
            if isinstance(piece, str):
                output.add(piece)
                continue
            at, substitution = piece
            # Too few arguments are no error: the parameter's name stays.
            argument = arguments[at] if at < len(arguments) else parameters[at]
            if substitution is Substitution.STRING:
                output.add(quoted(argument.replace(_PAINT, "")))
            elif substitution is Substitution.RAW:
                output.add(argument)
            else:
                if at not in expanded:
                    expanded[at] = self._expand_text(argument, index)
                output.boundary = True
                output.add(expanded[at])
                output.boundary = True
            if not self.charge(len(argument)):
                break
        return "".join(output.parts)

    def _expand_text(self, text: str, parent: int = -1) -> str:
        """An argument of the macro used[parent] on its own, all macros in it expanded."""
        words = self._words
        if not any(isinstance(words.get(word), Macro) for word in _NAMES.findall(text)):
            return text
        if self._argument_depth >= MAX_ARGUMENT_NESTING:
            self._exhaust("Macro expansion nested too deep")
            return text
        self._argument_depth += 1
        # The argument is a frame without a macro above an empty one: arguments of a macro in it end with it.
        stack = [_Frame("", None, -1), _Frame(text, None, parent)]
        output = _Output()
        self._run(stack, output)
        self._argument_depth -= 1
        return "".join(output.parts)

    # ----------------------------------------------------------------------------- names of the place

    def _dynamic(self, dynamic: Dynamic, stack: list[_Frame]) -> str:
        self.fixed = False
        if dynamic is Dynamic.LINE:
            return str(self.line)
        if dynamic is Dynamic.FILE:
            return quoted(self.file)
        if dynamic is Dynamic.DIR:
            return quoted(self.file[:self.file.rfind("/") + 1])
        return self._defined(dynamic, stack[-1])

    def _defined(self, dynamic: Dynamic, frame: _Frame) -> str:
        match = _OPERAND.match(frame.text, frame.offset)
        if match is None:
            self._report("LPC1032", f"missing name after '{dynamic.value}'")
            return "0"
        frame.offset = match.end()
        name = match[1] or match[2]
        if dynamic is Dynamic.EFUN_DEFINED:
            return str(int(self._efun_defined(name)))
        macro = self._words.get(name)
        return str(int(isinstance(macro, Macro) and macro.dynamic not in (Dynamic.DEFINED, Dynamic.EFUN_DEFINED)))
