"""The scanner: source text to tokens, one compiled expression for everything.

`Lexer.scan` runs over the text until something needs the preprocessor, a directive or the name of a macro,
and says which; all literals are decoded here. It knows words (a table from a word to its terminal or its
macro) and positions, but not what a directive or a macro does.

Rules: the work is linear in the text whatever the text holds, so patterns are possessive and a literal that
is not closed ends the file; a fault is a diagnostic and the scan goes on; a position is the offset in the
text plus a bias that changes with each line.

    LPC1001 illegal character      LPC1006 string too long          LPC1011 number too long
    LPC1002 NUL byte               LPC1007 invalid UTF-8            LPC1012 $N out of range
    LPC1003 comment not closed     LPC1008 bad escape               LPC1013 text block
    LPC1004 comment in a comment   LPC1009 unknown escape           LPC1014 text block too long
    LPC1005 string not closed      LPC1010 character constant       LPC1015 template literal
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from lpc.diagnostics import Diagnostics, Note
from lpc.source import COLUMN_BITS, Position
from lpc.syntax.macros import TEMPLATE_TEXT, Macro
from lpc.syntax.tokens import OPERATORS, Token

#: Bytes of a string literal, bytes of a text block, characters of a number, template literals in each other.
MAX_STRING = 4096
MAX_TEXT_BLOCK = 64 * 1024
MAX_NUMBER = 400
MAX_TEMPLATES = 16

MAX_INT = 2**63 - 1

#: What a word stands for: a terminal of the grammar or a macro.
Words = Mapping[str, "str | Macro"]

#: `scan` came to a `#` at the start of a line; the cursor stands on it.
DIRECTIVE: Final = "directive"

# Operators that no other group of the master expression takes, the longest spelling first.
_OPERATORS = "|".join(
    re.escape(spelling) + (r"(?=[A-Za-z_\[])" if spelling == "?." else "")
    for spelling in sorted(OPERATORS, key=len, reverse=True)
    if spelling not in ("(", ")", "[", "]", "{", "}", ";", ",", "(:")
)

# One group per alternative, none inside another, so that `lastindex` names the alternative. In order of
# frequency, except where one begins like another.
_GROUPS = {
    "WORD": r"[A-Za-z_][A-Za-z0-9_]*+",
    "PUNCTUATION": r"[;,)\[\]]|\((?!\s*+:(?!:))",
    # A line's end, with the blank lines and line comments that follow.
    "NEWLINE": r"(?://[^\n]*+)?\n(?:[ \t\r\f\v]*+(?://[^\n]*+)?\n)*+",
    "STRING": r'"[^"\\]*+(?:\\.[^"\\]*+)*+"',
    "INTEGER": r"[0-9]++(?![0-9_.eExXbB])",
    "COMMENT": r"/\*|//[^\n]*+",
    "PARAMETER": r"\$[0-9]++",
    "OPERATOR": _OPERATORS,
    "BRACE": r"[{}]",
    "NUMBER": r"0[xX][0-9a-fA-F]++(?:_[0-9a-fA-F]++)*+|0[bB][01]++(?:_[01]++)*+"
              r"|[0-9]++(?:_[0-9]++)*+(?:\.(?!\.)(?:[0-9]++(?:_[0-9]++)*+)?)?(?:[eE][+-]?[0-9]++(?:_[0-9]++)*+)?",
    "CHARACTER": r"'(?:\\(?:x[0-9A-Fa-f]++|[0-7]++|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|[^\n])|[^\\\n])'",
    "FUNCTIONAL": r"\(\s*+:",
    "TEMPLATE": r"`",
    "TEXT_BLOCK": r"@@?[A-Za-z0-9_]*+",
    "SPLICE": r"\\\r?\n",
    "END": r"\Z",
    "OTHER": r"[^\x00-\x7f]++|[#\\\x00-\x1f\x7f]++|.",
}
_MASTER = re.compile(r"[ \t\r\f\v]*+(?:" + "|".join(f"({pattern})" for pattern in _GROUPS.values()) + ")",
                     re.DOTALL | re.ASCII)
_INDEX = {name: index for index, name in enumerate(_GROUPS, 1)}
_WORD: Final = _INDEX["WORD"]
_PUNCTUATION: Final = _INDEX["PUNCTUATION"]
_NEWLINE: Final = _INDEX["NEWLINE"]
_STRING: Final = _INDEX["STRING"]
_INTEGER: Final = _INDEX["INTEGER"]
_OPERATOR: Final = _INDEX["OPERATOR"]
_BRACE: Final = _INDEX["BRACE"]
_END: Final = _INDEX["END"]

_BAD_CHARACTER = re.compile(r"'(?:[^'\\\n]|\\[^\n]){0,40}+'|''?")
_TEXT_BLOCK = re.compile(r"(@@?)([A-Za-z0-9_]++)[ \t\r\f\v]*+\n")
_ESCAPE = re.compile(
    r"\\(?:x([0-9A-Fa-f]*+)|([0-7]++)|u([0-9A-Fa-f]{0,4}+)|U([0-9A-Fa-f]{0,8}+)|(\r?\n)|(.))|(\n)", re.DOTALL)
_LOW_SURROGATE = re.compile(r"\\u([dD][c-fC-F][0-9A-Fa-f]{2})")
_SIMPLE_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "a": "\a", "e": "\x1b", '"': '"', "\\": "\\"}

# A byte written \xHH or \ooo is kept as Python's surrogateescape keeps stray bytes until the whole is checked.
_STRAY_BYTE = 0xDC00

Span = tuple[Position, Position]


class Cursor:
    """Where a scan stands in one text.

    `offset + bias` is the position of an offset on the current line. `fixed` is for text out of a macro: all
    of it stands at the macro's use.
    """

    __slots__ = ("text", "offset", "line", "line_start", "fixed", "directives", "templates")

    def __init__(self, text: str, line: int, *, fixed: Span | None = None, directives: bool = False) -> None:
        self.text = text
        self.offset = 0
        self.line = line
        self.line_start = 0
        self.fixed = fixed
        self.directives = directives
        #: One number per open `${`: the braces open inside it.
        self.templates: list[int] = []

    @property
    def bias(self) -> int:
        """What to add to an offset on the current line to get its position."""
        return (self.line << COLUMN_BITS) - self.line_start

    def move(self, offset: int) -> None:
        """Go forward to `offset`, counting the lines on the way."""
        lines = self.text.count("\n", self.offset, offset)
        if lines:
            self.line += lines
            self.line_start = self.text.rfind("\n", self.offset, offset) + 1
        self.offset = offset

    def place(self, offset: int) -> Position:
        """The position of an offset not before the cursor."""
        lines = self.text.count("\n", self.offset, offset)
        start = self.text.rfind("\n", self.offset, offset) + 1 if lines else self.line_start
        return (self.line + lines << COLUMN_BITS) + offset - start

    def span(self, start: int, end: int) -> Span:
        """The positions of two offsets not before the cursor."""
        return self.fixed if self.fixed is not None else (self.place(start), self.place(end))


class Lexer:
    """Turns text into tokens; the same for files, macro bodies and conditions."""

    def __init__(self, diagnostics: Diagnostics) -> None:
        self._diagnostics = diagnostics
        #: The last string that runs over several lines: where a missing quote probably is.
        self._long_string: Span | None = None

    def scan(self, cursor: Cursor, words: Words, tokens: list[Token]) -> Macro | str | None:
        """Append tokens up to what needs the preprocessor.

        Returns the Macro whose name was read (the cursor is behind it), DIRECTIVE (the cursor is on the `#`),
        or None at the end of the text.
        """
        # The one hot loop of the front end: a round per token. Inlined positions are worth it here only.
        text = cursor.text
        append = tokens.append
        terminal_of = words.get
        at_end = False
        while not at_end:
            bias = cursor.bias
            for match in _MASTER.finditer(text, cursor.offset):
                kind = match.lastindex or 0
                if kind == _WORD:
                    name = match[1]
                    end = match.end()
                    terminal = terminal_of(name, "IDENTIFIER")
                    if isinstance(terminal, Macro):
                        cursor.offset = end
                        return terminal
                    end += bias
                    append(Token(terminal, name, end - len(name), end))
                elif kind == _PUNCTUATION:
                    end = match.end() + bias
                    spelling = match[2]
                    append(Token(OPERATORS[spelling], spelling, end - 1, end))
                elif kind == _NEWLINE:
                    end = match.end()
                    cursor.line += text.count("\n", match.start(), end)
                    cursor.line_start = end
                    bias = (cursor.line << COLUMN_BITS) - end
                elif kind == _OPERATOR:
                    spelling = match[_OPERATOR]
                    end = match.end() + bias
                    append(Token(OPERATORS[spelling], spelling, end - len(spelling), end))
                elif kind == _STRING and _is_plain(literal := match[_STRING]):
                    end = match.end() + bias
                    append(Token("STRING", literal[1:-1].replace("\\n", "\n"), end - len(literal), end))
                elif kind == _BRACE and not cursor.templates:
                    end = match.end() + bias
                    spelling = match[_BRACE]
                    append(Token(OPERATORS[spelling], spelling, end - 1, end))
                elif kind == _INTEGER and len(spelling := match[_INTEGER]) < 19:
                    end = match.end() + bias
                    append(Token("INT", int(spelling), end - len(spelling), end))
                elif kind == _END:
                    cursor.offset = match.end()
                    at_end = True
                    break
                else:
                    cursor.offset = match.start(kind)
                    spelling = match[kind]
                    if spelling[0] == "#" and cursor.directives and match.start() == cursor.line_start:
                        return DIRECTIVE
                    _HANDLERS[kind](self, cursor, spelling, tokens)
                    bias = cursor.bias
                    if cursor.offset != match.end():
                        break
        if cursor.templates:
            cursor.templates.clear()
            self._error(cursor, "LPC1015", "End of file in template literal", 0)
        return None

    def words_of(self, text: str, words: Words, use: Span) -> list[tuple[str, str | int | float]]:
        """The tokens of text that came out of a macro used at `use`: terminal and value of each."""
        tokens: list[Token] = []
        self.scan(Cursor(text, 0, fixed=use), words, tokens)
        return [(token.type, token.value) for token in tokens]

    # ------------------------------------------------------------------------------------------------ messages

    def _error(self, cursor: Cursor, code: str, message: str, length: int, *, at: int | None = None,
               hint: str | None = None, notes: list[Note] | None = None) -> None:
        start = cursor.offset if at is None else at
        self._diagnostics.error(code, message, *cursor.span(start, start + length), hint=hint, notes=notes)

    def _warning(self, cursor: Cursor, code: str, message: str, length: int, *, at: int,
                 hint: str | None = None) -> None:
        self._diagnostics.warning(code, message, *cursor.span(at, at + length), hint=hint)

    # ------------------------------------------------------- handlers: cursor on the spelling; move it behind

    def _comment(self, cursor: Cursor, spelling: str, tokens: list[Token]) -> None:
        start = cursor.offset
        if spelling.startswith("//"):
            cursor.offset += len(spelling)
            return
        end = cursor.text.find("*/", start + 2)
        if end < 0:
            self._error(cursor, "LPC1003", "End of file in a comment", 2, hint="this comment is never closed")
            end = len(cursor.text)
        elif (inner := cursor.text.find("/*", start + 2, end)) >= 0:
            self._warning(cursor, "LPC1004", "/* found in comment.", 2, at=inner)
        cursor.move(min(end + 2, len(cursor.text)))

    def _splice(self, cursor: Cursor, spelling: str, tokens: list[Token]) -> None:
        cursor.move(cursor.offset + len(spelling))

    def _functional(self, cursor: Cursor, spelling: str, tokens: list[Token]) -> None:
        start, end = cursor.span(cursor.offset, cursor.offset + len(spelling))
        tokens.append(Token("LFUNCTIONAL", "(:", start, end))
        cursor.move(cursor.offset + len(spelling))

    def _parameter(self, cursor: Cursor, spelling: str, tokens: list[Token]) -> None:
        # Longer ones would be a conversion too slow for Python's own limit on digits.
        number = int(spelling[1:]) if len(spelling) < 20 else MAX_INT
        if number == 0:
            self._error(cursor, "LPC1012", "In function parameter $num, num must be >= 1.", len(spelling))
        elif number > 255:
            self._error(cursor, "LPC1012", "only 255 parameters allowed.", len(spelling))
        self._literal(cursor, "PARAMETER", number, len(spelling), tokens)

    def _number(self, cursor: Cursor, spelling: str, tokens: list[Token]) -> None:
        if len(spelling) > MAX_NUMBER:
            self._error(cursor, "LPC1011", "Number too long", len(spelling))
            self._literal(cursor, "INT", 0, len(spelling), tokens)
            return
        digits = spelling.replace("_", "")
        value: int | float
        if digits[:2] in ("0x", "0X", "0b", "0B"):
            value = min(int(digits, 0), MAX_INT)
        elif digits.isdigit():
            value = min(int(digits), MAX_INT)
        else:
            value = float(digits)
        self._literal(cursor, "INT" if isinstance(value, int) else "FLOAT", value, len(spelling), tokens)

    def _character(self, cursor: Cursor, spelling: str, tokens: list[Token]) -> None:
        body = spelling[1:-1]
        value = ord(self._unescape(cursor, body, cursor.offset + 1, also="'")[:1] or "\0")
        if value >= _STRAY_BYTE + 128 and value <= _STRAY_BYTE + 255 and body[0] == "\\":
            value -= _STRAY_BYTE
        elif value > 127:
            self._error(cursor, "LPC1010", "Illegal character constant", len(spelling),
                        hint=f'a character constant is one byte; write "{body}"[0]')
            value = 0
        self._literal(cursor, "INT", value, len(spelling), tokens)

    def _other(self, cursor: Cursor, spelling: str, tokens: list[Token]) -> None:
        if spelling == '"':
            self._open_string(cursor)
        elif spelling == "'":
            bad = _BAD_CHARACTER.match(cursor.text, cursor.offset)
            length = len(bad[0]) if bad else 1
            self._error(cursor, "LPC1010", "Illegal character constant", length,
                        hint="did you mean a string in \"\"?" if length > 2 else None)
            self._literal(cursor, "INT", 0, length, tokens)
        else:
            first = spelling[0]
            if "\udc80" <= first <= "\udcff":
                self._error(cursor, "LPC1007", "Invalid UTF8 string", len(spelling))
            else:
                code = f"0x{ord(first):02x}"
                shown = first if first.isprintable() else "\\" + code[1:]
                self._error(cursor, "LPC1001", f"Illegal character '{shown}' ({code})", len(spelling))
            cursor.move(cursor.offset + len(spelling))

    def _open_string(self, cursor: Cursor) -> None:
        notes = []
        if self._long_string is not None:
            notes = [Note("this string runs over several lines; is its closing quote missing?", *self._long_string)]
        end = cursor.text.find("\n", cursor.offset)
        length = (end if end >= 0 else len(cursor.text)) - cursor.offset
        self._error(cursor, "LPC1005", "End of file in string", length, hint="this string is never closed", notes=notes)
        cursor.move(len(cursor.text))

    def _literal(self, cursor: Cursor, terminal: str, value: str | int | float, length: int,
                 tokens: list[Token]) -> None:
        """Append the token of a literal of `length` characters at the cursor, and go behind it."""
        start, end = cursor.span(cursor.offset, cursor.offset + length)
        tokens.append(Token(terminal, value, start, end))
        cursor.move(cursor.offset + length)

    def _brace(self, cursor: Cursor, spelling: str, tokens: list[Token]) -> None:
        """A brace inside `${ }`: it may be the one that ends the expression."""
        if spelling == "}" and cursor.templates[-1] == 0:
            self._template(cursor, spelling, tokens)
            return
        cursor.templates[-1] += 1 if spelling == "{" else -1
        self._literal(cursor, OPERATORS[spelling], spelling, 1, tokens)

    # ------------------------------------------------------------------------------------------ strings & Co.

    def _string(self, cursor: Cursor, spelling: str, tokens: list[Token]) -> None:
        if "\n" in spelling and cursor.fixed is None:
            self._long_string = (cursor.place(cursor.offset), cursor.place(cursor.offset + 1))
        value = self._checked(cursor, self._unescape(cursor, spelling[1:-1], cursor.offset + 1), len(spelling))
        self._literal(cursor, "STRING", value, len(spelling), tokens)

    def _template(self, cursor: Cursor, spelling: str, tokens: list[Token]) -> None:
        """A text part of a template literal: behind its opening quote, or behind the `}` of an expression."""
        opening = spelling == "`"
        match = TEMPLATE_TEXT.match(cursor.text, cursor.offset + 1)
        ending = match[1] if match else None
        if match is None or ending is None:
            self._error(cursor, "LPC1015", "End of file in template literal", 1, hint="this literal is never closed")
            cursor.templates.clear()
            cursor.move(len(cursor.text))
            return
        length = match.end() - cursor.offset
        body = match[0][:-len(ending)]
        value = self._checked(cursor, self._unescape(cursor, body, cursor.offset + 1, also="`$", template=True), length)
        if ending == "`":
            terminal = "STRING" if opening else "TEMPLATE_END"
            if not opening:
                cursor.templates.pop()
        else:
            terminal = "TEMPLATE_BEGIN" if opening else "TEMPLATE_MIDDLE"
            if opening:
                cursor.templates.append(0)
                if len(cursor.templates) == MAX_TEMPLATES + 1:
                    self._error(cursor, "LPC1015", "Template literals nested too deeply", 1)
        self._literal(cursor, terminal, value, length, tokens)

    def _text_block(self, cursor: Cursor, spelling: str, tokens: list[Token]) -> None:
        head = _TEXT_BLOCK.match(cursor.text, cursor.offset)
        if head is None:
            self._error(cursor, "LPC1013", "Illegal terminator", len(spelling),
                        hint="a text block is @NAME, the end of the line, its lines, and NAME at the start of a line")
            cursor.offset += len(spelling)
            return
        name = head[2]
        end = _terminator(cursor.text, head.end() - 1, name)
        if end < 0:
            self._error(cursor, "LPC1013", "End of file in text block", len(spelling),
                        hint=f"no line starts with '{name}'")
            cursor.move(len(cursor.text))
            return
        body = cursor.text[head.end():end + 1]
        if len(body) > MAX_TEXT_BLOCK // 4 and len(body.encode("utf-8", "replace")) > MAX_TEXT_BLOCK:
            self._error(cursor, "LPC1014", "Text block too long", len(spelling))
        body = self._valid(cursor, body.replace("\r", ""), len(spelling))
        length = end + 1 + len(name) - cursor.offset
        if head[1] == "@":
            self._literal(cursor, "STRING", body, length, tokens)
        else:
            self._line_array(cursor, body, head.end(), tokens)
            cursor.move(end + 1)
            self._punctuation(cursor, "})", len(name), tokens)
            cursor.offset += len(name)

    def _line_array(self, cursor: Cursor, body: str, offset: int, tokens: list[Token]) -> None:
        """`({` and the lines of a `@@` block as strings, each where it stands."""
        self._punctuation(cursor, "({", offset - 1 - cursor.offset, tokens)
        cursor.move(offset)
        for at, line in enumerate(body.split("\n")[:-1]):
            start = cursor.line + at << COLUMN_BITS
            tokens.append(Token("STRING", line, start, start + len(line)))
            tokens.append(Token("COMMA", ",", start + len(line), start + len(line)))

    def _punctuation(self, cursor: Cursor, spellings: str, length: int, tokens: list[Token]) -> None:
        start, end = cursor.span(cursor.offset, cursor.offset + length)
        tokens.extend(Token(OPERATORS[spelling], spelling, start, end) for spelling in spellings)

    def _checked(self, cursor: Cursor, value: str, length: int) -> str:
        """The value of a string literal of `length` characters at the cursor, within the limits of strings."""
        if len(value) * 4 > MAX_STRING and len(value.encode("utf-8", "replace")) > MAX_STRING:
            self._error(cursor, "LPC1006", "String too long", length,
                        hint=f"a string literal holds at most {MAX_STRING} bytes")
        if "\0" in value:
            self._warning(cursor, "LPC1002", "NUL in string literal: the string ends there.", length, at=cursor.offset)
            value = value[:value.index("\0")]
        return self._valid(cursor, value, length)

    def _valid(self, cursor: Cursor, value: str, length: int) -> str:
        """`value` with its stray bytes, which must make up UTF-8, as the characters they are."""
        if value.isascii():
            return value
        try:
            return value.encode("utf-8", "surrogateescape").decode("utf-8")
        except UnicodeError:
            self._error(cursor, "LPC1007", "Invalid UTF8 string", length)
            return value.encode("utf-8", "replace").decode("utf-8")

    def _unescape(self, cursor: Cursor, body: str, offset: int, *, also: str = "", template: bool = False) -> str:
        """The text a literal's body means. `offset` is where the body starts, `also` what else may be escaped."""
        if "\\" not in body:
            return body.replace("\n", "") if template else body
        consumed = 0

        def escape(match: re.Match[str]) -> str:
            nonlocal consumed
            if match.start() < consumed:
                return ""
            if match[7]:
                return "" if template else "\n"
            if match[6] is not None and match[6] in _SIMPLE_ESCAPES:
                return _SIMPLE_ESCAPES[match[6]]
            if match[5] or match[6] is not None and match[6] in also:
                return match[6] or ""
            if match[3] is not None and not template:
                text, consumed = self._utf16(cursor, body, match, offset)
                return text
            return self._odd_escape(cursor, match, offset, template=template)

        return _ESCAPE.sub(escape, body)

    def _utf16(self, cursor: Cursor, body: str, match: re.Match[str], offset: int) -> tuple[str, int]:
        r"""The character of `\uXXXX` or of a pair of them, and how far that reaches."""
        value = int(match[3], 16) if len(match[3]) == 4 else 0xDC00
        if not 0xD800 <= value <= 0xDFFF:
            return chr(value), match.end()
        low = _LOW_SURROGATE.match(body, match.end()) if value < 0xDC00 else None
        if low is not None:
            return chr(0x10000 + ((value & 0x3FF) << 10) + (int(low[1], 16) & 0x3FF)), low.end()
        message = "Illegal unicode sequence." + (" Missing surrogate trail." if value < 0xDC00 else "")
        self._error(cursor, "LPC1008", message, len(match[0]), at=offset + match.start())
        return "\ufffd", match.end()

    def _odd_escape(self, cursor: Cursor, match: re.Match[str], offset: int, *, template: bool) -> str:
        r"""Bytes by number, `\U`, and what means nothing."""
        at, spelling = offset + match.start(), match[0]
        digits = match[1] or match[2]
        if digits:
            value = int(digits, 16 if match[1] else 8)
            if value < 256:
                return chr(value) if value < 128 else chr(_STRAY_BYTE + value)
            self._warning(cursor, "LPC1008", "Illegal character constant.", len(spelling), at=at,
                          hint="not a byte: it means 'x'")
            return "x"
        if match[1] is not None:
            self._warning(cursor, "LPC1008", r"\x must be followed by a valid hex value; interpreting as 'x' instead.",
                          2, at=at)
            return "x"
        if match[4] is not None and not template:
            value = int(match[4], 16) if len(match[4]) == 8 else MAX_INT
            if value <= 0x10FFFF and not 0xD800 <= value <= 0xDFFF:
                return chr(value)
            self._error(cursor, "LPC1008", "Illegal unicode sequence.", len(spelling), at=at)
            return "\ufffd"
        character = spelling[1]
        if character in "89":
            self._error(cursor, "LPC1008", f"Illegal octal escape '\\{character}'", 2, at=at)
        else:
            self._warning(cursor, "LPC1009", f"Unknown escape sequence '\\{character}'.", 2, at=at,
                          hint=f"it means '{character}'; write '\\\\{character}' for a backslash")
        return spelling[1:]


def _is_plain(literal: str) -> bool:
    r"""Whether a string literal needs nothing but its `\n` replaced: nearly all are."""
    return (literal.isascii() and len(literal) < MAX_STRING and "\n" not in literal
            and literal.count("\\") == literal.count("\\n"))


def _terminator(text: str, offset: int, name: str) -> int:
    """The newline before the line that starts with the word `name`, from `offset` on; -1 when there is none."""
    at = text.find("\n" + name, offset)
    while at >= 0:
        following = text[at + 1 + len(name):at + 2 + len(name)]
        if not (following.isascii() and (following.isalnum() or following == "_")):
            return at
        at = text.find("\n" + name, at + 1)
    return -1


_Handler = Callable[[Lexer, Cursor, str, list[Token]], None]

# By group, not by name at run time: the scan looks a handler up with the number of the group that matched.
_HANDLERS: dict[int, _Handler] = {
    _INDEX[group]: handler
    for group, handler in {
        "STRING": Lexer._string,
        "INTEGER": Lexer._number,
        "COMMENT": Lexer._comment,
        "BRACE": Lexer._brace,
        "NUMBER": Lexer._number,
        "CHARACTER": Lexer._character,
        "FUNCTIONAL": Lexer._functional,
        "PARAMETER": Lexer._parameter,
        "TEMPLATE": Lexer._template,
        "TEXT_BLOCK": Lexer._text_block,
        "SPLICE": Lexer._splice,
        "OTHER": Lexer._other,
    }.items()
}
