"""The preprocessor: one program's text, with all it includes, to one list of tokens.

It owns directives, conditions, includes and pragmas, and where tokens stand; the scan itself is the lexer's,
the text of a macro use the expander's. A directive acts where it stands in the stream of tokens; lines of a
branch not taken are not looked at except for the directives that nest or end it.

Rules: no input raises, everything wrong is a diagnostic. Every inclusion gets its own virtual lines
(lpc.source). Tokens of a macro stand at the use of the outermost macro. Files, depth and expansions are
bounded; when a bound is passed the tokens end there and `TokenStream.complete` is False.

    LPC1016 line too long             LPC1030 missing #endif            LPC1050 #error
    LPC1020 unknown directive         LPC1031 unexpected #else...       LPC1051 #warn
    LPC1023 predefined macro          LPC1040 cannot #include           LPC1052 unknown #pragma
    LPC1024 macro redefined           LPC1041 #include limits           LPC1053 malformed #line
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lpc.diagnostics import Diagnostics, Expansion, Note
from lpc.source import COLUMN_BITS, MAX_COLUMN, Inclusion, Position, SourceMap, position
from lpc.syntax.condition import ConditionError, evaluate
from lpc.syntax.lexer import Cursor, Lexer
from lpc.syntax.macros import TOKEN_COST, Dynamic, Expander, Macro, parse_define
from lpc.syntax.tokens import KEYWORDS, Token

#: Given a name, whether it stood in <>, and the file that asks: path and text; None when it cannot be included.
IncludeResolver = Callable[[str, bool, str], "tuple[str, str] | None"]

MAX_INCLUDE_DEPTH = 32
MAX_INCLUSIONS = 4096
MAX_CHARACTERS = 8 << 20

#: Predefined macros without underscores that no program may change. Others are constants of efun packages, which
#: mudlibs define in headers of their own.
_RESERVED = frozenset(("MUDOS", "FLUFFOS", "MUD_NAME", "SIZEOFINT", "MAX_INT", "MIN_INT", "MAX_FLOAT", "MIN_FLOAT",
                       "HAS_PRINTF"))

#: Pragmas in force at the start of every program.
DEFAULT_PRAGMAS = frozenset(("warnings", "save_types", "show_error_context", "optimize"))
_PRAGMAS = DEFAULT_PRAGMAS | {"strict_types"}

# A directive's line with its continuations and the comments and literals that run over line ends.
_LOGICAL_LINE = re.compile(
    r"""(?:[^\n\\/"']++|\\(?:\r?\n|.)|"(?:[^"\\\n]|\\(?:\r?\n|.))*+"|'(?:[^'\\\n]|\\.)*+'"""
    r"""|/\*(?:[^*]++|\*(?!/))*+(?:\*/|\Z)|//[^\n]*+|[^\n])*+""")
# Literals and escaped characters, comments, line splices.
_STRIPPED = re.compile(
    r"""("(?:[^"\\]++|\\.)*+"|'(?:[^'\\\n]|\\[^\n])*+'|\\[^\r\n])"""
    r"""|(/\*(?:[^*]++|\*(?!/))*+(?:\*/|\Z)|//[^\n]*+)|\\\r?\n""", re.DOTALL)
_SPLICE = re.compile(r"\\\r?\n")
_NAME = re.compile(r"#[ \t\r\f\v]*+([A-Za-z_][A-Za-z0-9_]*+|[0-9]++)?")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*+")
_SKIPPED = re.compile(r"^[ \t\r\f\v]*+(#[ \t\r\f\v]*+(if|ifdef|ifndef|elif|else|endif)\b)", re.MULTILINE | re.ASCII)
_LINE = re.compile(r'\s*+([0-9]{1,9})(?![0-9])\s*+(?:"([^"\n]*+)")?', re.ASCII)
_INCLUDE = re.compile(r'"([^"\n]++)"|<([^>\n]++)>')
_STRINGS = re.compile(r'\s*+"((?:[^"\\\n]|\\.)*+)"', re.ASCII)
_LONG_LINE = re.compile(rf"[^\n]{{{MAX_COLUMN}}}")

_CACHED_TEXTS = 2000

# Terminal and value of each token of an expansion; the same with the macros that took part.
_Pairs = list[tuple[str, Any]]
_Expanded = tuple[_Pairs, tuple[Expansion, ...]]


@dataclass(slots=True)
class TokenStream:
    """What the parser gets, and what else a compilation wants to know of the preprocessor's work.

    `pragmas` are those in force at the end, `includes` the paths read (each once, in order), `expansions` the
    macros behind each macro use, `echoes` the texts of #echo. `complete` is False when a limit ended it early.
    `otherwise_strict` are the starts of the tokens where strict_types was not as it is at the end.
    """

    tokens: list[Token]
    pragmas: frozenset[str]
    includes: list[str]
    expansions: dict[Position, tuple[Expansion, ...]]
    echoes: list[str]
    complete: bool
    otherwise_strict: frozenset[Position] = frozenset()


@dataclass(slots=True)
class _Conditional:
    """One open #if: where it stands, whether a branch of it was taken, and its #else."""

    start: Position
    end: Position
    name: str
    taken: bool
    else_at: Position | None = None


@dataclass(slots=True)
class _Reading:
    """One file being read. `path` is where it was read from; #line changes only what the inclusion is called."""

    path: str
    inclusion: Inclusion
    cursor: Cursor
    conditionals: list[_Conditional] = field(default_factory=list)


@dataclass(slots=True)
class _Line:
    """A directive's logical line: `raw` from its `#` on, `name_length` of it the name."""

    name: str
    raw: str
    start: Position
    name_length: int

    @property
    def argument(self) -> str:
        """What stands behind the name."""
        return self.raw[self.name_length:]


class Preprocessor:
    """Preprocesses one program; used once.

    `predefined` are the driver's macros and their bodies; `__LINE__`, `__FILE__` and `__DIR__` need not be there.
    """

    def __init__(self, source: SourceMap, diagnostics: Diagnostics, *, predefined: Mapping[str, str],
                 include: IncludeResolver, efun_defined: Callable[[str], bool] = lambda name: False) -> None:
        self._source = source
        self._diagnostics = diagnostics
        self._include = include
        self._lexer = Lexer(diagnostics)
        self._tokens: list[Token] = []
        self._pragmas = set(DEFAULT_PRAGMAS)
        self._strict_changes: list[int] = []  # how many tokens had been read when strict_types changed
        self._includes: dict[str, None] = {}
        self._echoes: list[str] = []
        self._complete = True
        self._depth = 0
        self._inclusions = 0
        self._characters = 0
        self._use: tuple[Position, Position] = (0, 0)
        self._words: dict[str, str | Macro] = dict(KEYWORDS)
        for name, body in predefined.items():
            self._words[name] = Macro(name, body)
        for dynamic in (Dynamic.LINE, Dynamic.FILE, Dynamic.DIR):
            self._words[dynamic.value] = Macro(dynamic.value, "", dynamic=dynamic)
        self._in_condition = False
        self._expander = Expander(self._words, self._use_error, efun_defined)
        # What object-like macros gave, until a definition changes; what texts gave, for the whole program.
        self._uses: dict[Macro, _Expanded] = {}
        self._texts: dict[str, _Pairs] = {}

    def run(self, file: str, text: str, *, prelude: str | None = None) -> TokenStream:
        """The tokens of `text`, read from `file`.

        `prelude` is an include in the notation of #include (`<global.h>`), read before the first line.
        """
        reading = self._open(file, text, None)
        if reading is not None:
            if prelude:
                start = position(reading.cursor.line, 0)
                self._include_name(reading, prelude, start, start + 1)
            self._read(reading)
        return TokenStream(self._tokens, frozenset(self._pragmas), list(self._includes),
                           self._diagnostics.expansions, self._echoes, self._complete, self._otherwise_strict())

    def _otherwise_strict(self) -> frozenset[Position]:
        bounds = [0, *self._strict_changes]
        # Counted from the end, every second stretch between changes differs from the last one.
        spans = list(zip(bounds, bounds[1:], strict=False))[::-2]
        return frozenset(token.start for first, end in spans for token in self._tokens[first:end])

    # ------------------------------------------------------------------------------------------------- files

    def _open(self, path: str, text: str, included_from: Position | None) -> _Reading | None:
        """Give a text its virtual lines; None (and a diagnostic) when it cannot be read at all."""
        if "\r" in text:
            text = text.replace("\r\n", "\n")
        inclusion = self._source.include(path, text, included_from)
        self._characters += len(text)
        first = position(inclusion.base + 1, 0)
        if "\0" in text:
            at = text.index("\0")
            line = text.count("\n", 0, at)
            start = position(inclusion.base + 1 + line, at - (text.rfind("\n", 0, at) + 1))
            self._diagnostics.error("LPC1002", "Illegal embedded NUL byte (0x00) in source.", start)
            text = text.replace("\0", " ")
        if len(text) >= MAX_COLUMN and (long := _LONG_LINE.search(text)):
            line = inclusion.base + 1 + text.count("\n", 0, long.start())
            self._diagnostics.error("LPC1016", "Line too long", position(line, 0))
            self._complete = False
            return None
        if self._characters > MAX_CHARACTERS:
            self._diagnostics.error("LPC1041", "Program too large", included_from or first)
            self._complete = False
            return None
        cursor = Cursor(text, inclusion.base + 1, directives=True)
        if text.startswith("\ufeff"):
            cursor.offset = cursor.line_start = 1
        if text.startswith("#!", cursor.offset):
            end = text.find("\n")
            cursor.move(end if end >= 0 else len(text))
        return _Reading(path, inclusion, cursor)

    def _read(self, reading: _Reading) -> None:
        """All tokens of one file."""
        cursor = reading.cursor
        while self._complete:
            found = self._lexer.scan(cursor, self._words, self._tokens)
            if found is None:
                break
            if isinstance(found, Macro):
                self._use_macro(reading, cursor, found, self._tokens)
            else:
                self._directive(reading)
        for conditional in reading.conditionals:
            if self._complete:
                self._diagnostics.error("LPC1030", "Missing #endif", conditional.start, conditional.end,
                                        hint=f"this #{conditional.name} is never closed")

    # ------------------------------------------------------------------------------------------------ macros

    def _use_macro(self, reading: _Reading, cursor: Cursor, macro: Macro, tokens: list[Token]) -> None:
        """Append what the macro whose name ends at the cursor becomes; the cursor goes behind its arguments."""
        end = cursor.offset + cursor.bias
        start = end - len(macro.name)
        self._use = start, end
        # `defined` means something in a condition only, so conditions share nothing with the rest.
        known = None if self._in_condition else self._uses.get(macro)
        if known is None:
            known = self._expansion(reading, cursor, macro)
            if known is None:
                tokens.append(Token(KEYWORDS.get(macro.name, "IDENTIFIER"), macro.name, start, end))
                return
            end = cursor.offset + cursor.bias
        pairs, used = known
        if used:
            self._diagnostics.expansions[start] = used
        if self._expander.charge(len(pairs) * TOKEN_COST):
            tokens.extend([Token(terminal, value, start, end) for terminal, value in pairs])
        else:
            self._complete = False

    def _expansion(self, reading: _Reading, cursor: Cursor, macro: Macro) -> _Expanded | None:
        """What a use of a macro becomes where it stands; None when its name is an ordinary word there."""
        start, end = self._use
        expander = self._expander
        expander.line = cursor.line - reading.inclusion.base
        expander.file = reading.inclusion.file
        text, offset = expander.expand(macro, cursor.text, cursor.offset)
        if text is None:
            return None
        if offset != cursor.offset:
            cursor.move(offset)
            end = offset + cursor.bias
        used = tuple(expander.used)
        if used:
            # Before the text is scanned, so that a fault in it gets its notes.
            self._diagnostics.expansions[start] = used
        expanded = self._tokens_of(text, (start, end)), used
        if expander.fixed and macro.parameters is None and not self._in_condition:
            self._uses[macro] = expanded
        return expanded

    def _tokens_of(self, text: str, use: tuple[Position, Position]) -> _Pairs:
        pairs = self._texts.get(text)
        if pairs is None:
            before = len(self._diagnostics.found)
            pairs = self._lexer.words_of(text, KEYWORDS, use)
            # A text with a fault in it is scanned, and reported, at each use.
            if len(self._diagnostics.found) == before and len(text) < 1000 and len(self._texts) < _CACHED_TEXTS:
                self._texts[text] = pairs
        return pairs

    def _use_error(self, code: str, message: str) -> None:
        self._diagnostics.error(code, message, *self._use)

    # -------------------------------------------------------------------------------------------- directives

    def _directive(self, reading: _Reading) -> None:
        line = self._logical_line(reading.cursor)
        handler = _DIRECTIVES.get("line" if line.name.isdigit() else line.name)
        if handler is None or not line.name and _plain(line.argument).strip():
            self._diagnostics.error("LPC1020", f"Unknown preprocessor directive: #{line.name}", line.start,
                                    line.start + line.name_length)
        else:
            handler(self, reading, line)

    def _logical_line(self, cursor: Cursor) -> _Line:
        """The directive at the cursor; the cursor goes to the end of its line."""
        text, offset = cursor.text, cursor.offset
        start = cursor.place(offset)
        match = _LOGICAL_LINE.match(text, offset)
        raw = match[0] if match else ""
        head = _NAME.match(raw)
        name_length = head.end() if head and head[1] else 1
        name = head[1] or "" if head else ""
        if offset + len(raw) == len(text) and (comment := _open_comment(raw)) >= 0:
            at = cursor.place(offset + comment)
            self._diagnostics.error("LPC1003", "End of file in a comment", at, at + 2,
                                    hint="this comment is never closed")
        cursor.move(offset + len(raw))
        return _Line(name, raw, start, name_length)

    def _place(self, line: _Line, at: int) -> Position:
        """The position of character `at` of a directive's logical line."""
        lines = line.raw.count("\n", 0, at)
        if not lines:
            return line.start + at
        return position((line.start >> COLUMN_BITS) + lines, at - line.raw.rfind("\n", 0, at) - 1)

    def _argument_span(self, line: _Line) -> tuple[Position, Position]:
        """What stands behind the directive's name on its first line; the name itself when nothing does."""
        first_line = line.raw.split("\n", 1)[0].rstrip("\\ \t")
        begin = len(first_line) - len(first_line[line.name_length:].lstrip())
        if begin >= len(first_line):
            return line.start, line.start + line.name_length
        return line.start + begin, line.start + len(first_line)

    def _line_error(self, line: _Line, code: str, message: str, *, hint: str | None = None) -> None:
        self._diagnostics.error(code, message, *self._argument_span(line), hint=hint)

    def _define(self, reading: _Reading, line: _Line) -> None:
        text = _plain(line.argument)
        word = _WORD.search(line.raw, line.name_length)
        macro = parse_define(text.lstrip(), line.start if word is None else self._place(line, word.start()))
        if isinstance(macro, tuple):
            self._line_error(line, *macro)
            return
        at, end = macro.start or line.start, (macro.start or line.start) + len(macro.name)
        old = self._words.get(macro.name)
        if macro.name in _CONDITION_OPERATORS or isinstance(old, Macro) and _is_reserved(old):
            self._diagnostics.error("LPC1023", "Illegal to redefine a predefined value.", at, end)
            return
        if isinstance(old, Macro):
            if (old.parameters, old.body.split()) != (macro.parameters, macro.body.split()):
                self._redefined(old, at, end)
        self._words[macro.name] = macro
        self._uses.clear()

    def _redefined(self, old: Macro, start: Position, end: Position) -> None:
        notes = []
        if old.start is not None:
            notes = [Note(f"previous definition of '{old.name}'", old.start, old.start + len(old.name))]
        self._diagnostics.warning("LPC1024", f"Macro '{old.name}' redefined", start, end, notes=notes)

    def _undef(self, reading: _Reading, line: _Line) -> None:
        name = self._name(line)
        old = self._words.get(name)
        if not isinstance(old, Macro):
            return
        if _is_reserved(old):
            self._line_error(line, "LPC1023", "Illegal to #undef a predefined value.")
            return
        if name in KEYWORDS:
            self._words[name] = KEYWORDS[name]
        else:
            del self._words[name]
        self._uses.clear()

    def _name(self, line: _Line) -> str:
        """The name a directive is about; "" (and an error) when there is none."""
        match = _WORD.match(_plain(line.argument).lstrip())
        if match is None:
            self._line_error(line, "LPC1021", f"#{line.name}: missing name")
            return ""
        return match[0]

    # -------------------------------------------------------------------------------------------- conditions

    def _if(self, reading: _Reading, line: _Line) -> None:
        if line.name == "if":
            taken = self._condition(reading, line)
        else:
            # What is there but no name is not defined either: `#ifdef 0` hides text.
            hidden = _plain(line.argument).strip() and _WORD.match(_plain(line.argument).lstrip()) is None
            defined = not hidden and isinstance(self._words.get(self._name(line)), Macro)
            taken = defined == (line.name == "ifdef")
        end = line.start + line.name_length
        reading.conditionals.append(_Conditional(line.start, end, line.name, taken))
        if not taken:
            self._skip(reading)

    def _else(self, reading: _Reading, line: _Line) -> None:
        """#else or #elif where the branch before it was taken."""
        if not reading.conditionals:
            self._unexpected(line, None)
            return
        self._takes(reading, line)
        self._skip(reading)

    def _endif(self, reading: _Reading, line: _Line) -> None:
        if reading.conditionals:
            reading.conditionals.pop()
        else:
            self._unexpected(line, None)

    def _takes(self, reading: _Reading, line: _Line) -> bool:
        """Whether an #else or #elif begins the branch to take."""
        conditional = reading.conditionals[-1]
        if conditional.else_at is not None:
            self._unexpected(line, conditional)
            return False
        if line.name == "else":
            conditional.else_at = line.start
        takes = not conditional.taken and (line.name == "else" or self._condition(reading, line))
        conditional.taken |= takes
        return takes

    def _unexpected(self, line: _Line, conditional: _Conditional | None) -> None:
        notes = []
        if conditional is not None and conditional.else_at is not None:
            notes = [Note("the #else is here", conditional.else_at, conditional.else_at + len("#else"))]
        self._diagnostics.error("LPC1031", f"unexpected #{line.name}", line.start, line.start + line.name_length,
                                notes=notes)

    def _skip(self, reading: _Reading) -> None:
        """Go to the branch to take, or behind the #endif."""
        cursor = reading.cursor
        nesting = 0
        at = cursor.offset
        while match := _SKIPPED.search(cursor.text, at):
            name, at = match[2], match.end()
            if name.startswith("if"):
                nesting += 1
            elif nesting:
                nesting -= name == "endif"
            else:
                cursor.move(match.start(1))
                line = self._logical_line(cursor)
                at = cursor.offset
                if name == "endif":
                    reading.conditionals.pop()
                    return
                if self._takes(reading, line):
                    return
        cursor.move(len(cursor.text))

    def _condition(self, reading: _Reading, line: _Line) -> bool:
        # Blanks for comments and line splices keep every offset, so a token's offset is its place in the line.
        text = _STRIPPED.sub(lambda match: match[1] or " " * len(match[0]), line.argument)
        cursor = Cursor(text, line.start >> COLUMN_BITS)
        cursor.line_start = -(line.start & MAX_COLUMN) - line.name_length
        tokens: list[Token] = []
        self._words |= _CONDITION_OPERATORS
        self._in_condition = True
        while isinstance(found := self._lexer.scan(cursor, self._words, tokens), Macro):
            self._use_macro(reading, cursor, found, tokens)
        self._in_condition = False
        for name in _CONDITION_OPERATORS:
            del self._words[name]
        value = evaluate(tokens)
        if isinstance(value, ConditionError):
            self._condition_error(line, value)
            return False
        return value != 0

    def _condition_error(self, line: _Line, error: ConditionError) -> None:
        if error.start is None or error.end is None:
            self._line_error(line, "LPC1032", error.message)
            return
        start, end = (self._place(line, at - line.start) for at in (error.start, error.end))
        self._diagnostics.error("LPC1032", error.message, start, end)

    # ---------------------------------------------------------------------------------------------- includes

    def _include_directive(self, reading: _Reading, line: _Line) -> None:
        spelling = _plain(line.argument).strip()
        if not spelling.startswith(('"', "<")):
            self._use = self._argument_span(line)
            self._expander.line = reading.cursor.line - reading.inclusion.base
            self._expander.file = reading.inclusion.file
            spelling = _one_string(self._expander.expand_all(spelling).strip())
        self._include_name(reading, spelling, *self._argument_span(line))

    def _include_name(self, reading: _Reading, spelling: str, start: Position, end: Position) -> None:
        match = _INCLUDE.match(spelling)
        if match is None:
            self._diagnostics.error("LPC1040", "Missing leading \" or < in #include", start, end)
            return
        name = match[1] or match[2]
        too_deep = self._depth >= MAX_INCLUDE_DEPTH
        if too_deep or self._inclusions >= MAX_INCLUSIONS:
            message = "#include nested too deeply" if too_deep else f"#include of more than {MAX_INCLUSIONS} files"
            self._diagnostics.error("LPC1041", message, start, end)
            # Going on could mean reading the same files again 2**32 times.
            self._complete = False
            return
        found = self._include(name, match[1] is None, reading.path)
        if found is None:
            self._diagnostics.error("LPC1040", f"Cannot #include {name}", start, end)
            return
        path, text = found
        self._includes[path] = None
        self._inclusions += 1
        included = self._open(path, text, start)
        if included is not None:
            self._depth += 1
            self._read(included)
            self._depth -= 1

    # ---------------------------------------------------------------------------------------- the others

    def _pragma(self, reading: _Reading, line: _Line) -> None:
        words = _plain(line.argument).replace(",", " ").split()
        if not words:
            self._diagnostics.warning("LPC1052", "Unknown #pragma, ignored.", *self._argument_span(line))
        strict = "strict_types" in self._pragmas
        for word in words:
            if word in _PRAGMAS:
                self._pragmas.add(word)
            elif word.startswith("no_") and word[3:] in _PRAGMAS:
                self._pragmas.discard(word[3:])
            else:
                at = self._place(line, line.raw.find(word, line.name_length))
                self._diagnostics.warning("LPC1052", "Unknown #pragma, ignored.", at, at + len(word))
        if ("strict_types" in self._pragmas) is not strict:
            self._strict_changes.append(len(self._tokens))
        self._diagnostics.warnings_enabled = "warnings" in self._pragmas

    def _error_directive(self, reading: _Reading, line: _Line) -> None:
        self._line_error(line, "LPC1050", _message(line))

    def _warn(self, reading: _Reading, line: _Line) -> None:
        self._diagnostics.warning("LPC1051", _message(line), *self._argument_span(line))

    def _echo(self, reading: _Reading, line: _Line) -> None:
        self._echoes.append(_plain(line.argument).strip())

    def _line(self, reading: _Reading, line: _Line) -> None:
        text = line.name + _plain(line.argument) if line.name.isdigit() else _plain(line.argument)
        match = _LINE.match(text)
        inclusion = reading.inclusion
        next_line = reading.cursor.line - inclusion.base - inclusion.shift + 1
        renumbered = None
        if match is not None:
            renumbered = self._source.renumber(inclusion, next_line, int(match[1]), match[2] or inclusion.file)
        if renumbered is None:
            fault = "number out of range" if match else "expected a line number and a file in quotes"
            self._line_error(line, "LPC1053", f"#line: {fault}")
            return
        reading.inclusion = renumbered
        # The cursor is still on the directive's own line: the next one is to have the number given.
        reading.cursor.line = renumbered.base + next_line - 1 + renumbered.shift

    def _nothing(self, reading: _Reading, line: _Line) -> None:
        """The null directive, and #breakpoint."""


def _open_comment(raw: str) -> int:
    """Where a comment that is not closed starts in a logical line; -1 when there is none."""
    for match in _STRIPPED.finditer(raw):
        comment = match[2]
        if comment and comment.startswith("/*") and not (len(comment) > 3 and comment.endswith("*/")):
            return match.start()
    return -1


def _plain(text: str) -> str:
    """A directive's text with a blank for each comment and without line splices."""
    return _STRIPPED.sub(_replacement, text) if "/" in text or "\\\n" in text else text


def _replacement(match: re.Match[str]) -> str:
    if match[1]:
        return _SPLICE.sub("", match[1])
    return " " if match[2] else ""


def _is_reserved(macro: Macro) -> bool:
    """Whether a macro is the driver's alone."""
    return macro.predefined and (macro.name.startswith("__") or macro.name in _RESERVED)


def _message(line: _Line) -> str:
    return f"#{line.name} {_plain(line.argument).strip()}".rstrip()


def _one_string(text: str) -> str:
    """Adjacent string literals as one; anything else as it is."""
    parts: list[str] = []
    at = 0
    while match := _STRINGS.match(text, at):
        parts.append(match[1])
        at = match.end()
    return f'"{"".join(parts)}"' if parts else text


_CONDITION_OPERATORS = {
    dynamic.value: Macro(dynamic.value, "", dynamic=dynamic) for dynamic in (Dynamic.DEFINED, Dynamic.EFUN_DEFINED)
}

_DIRECTIVES: dict[str, Callable[[Preprocessor, _Reading, _Line], None]] = {
    "": Preprocessor._nothing,
    "breakpoint": Preprocessor._nothing,
    "define": Preprocessor._define,
    "undef": Preprocessor._undef,
    "if": Preprocessor._if,
    "ifdef": Preprocessor._if,
    "ifndef": Preprocessor._if,
    "elif": Preprocessor._else,
    "else": Preprocessor._else,
    "endif": Preprocessor._endif,
    "include": Preprocessor._include_directive,
    "pragma": Preprocessor._pragma,
    "error": Preprocessor._error_directive,
    "warn": Preprocessor._warn,
    "echo": Preprocessor._echo,
    "line": Preprocessor._line,
}
