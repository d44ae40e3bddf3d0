"""Tokens: what the preprocessor yields and the grammar's terminals are named after.

One table of words and one of operators; grammar.lark declares exactly these terminal names.
"""

from __future__ import annotations

from typing import Any

from lpc.source import Position

#: Reserved words; the terminal is the word in capitals. `class` and `struct` are one terminal.
KEYWORDS: dict[str, str] = {
    word: word.upper()
    for word in (
        "break case catch class continue default do efun else for foreach if in inherit new nomask nosave "
        "parse_command private protected public ref return sscanf switch time_expression varargs while"
    ).split()
}
KEYWORDS["struct"] = "CLASS"

#: Basic types share one terminal; `function` stands apart because it also starts an anonymous function.
TYPE_WORDS = frozenset("int float string object mapping mixed buffer void".split())
KEYWORDS |= dict.fromkeys(TYPE_WORDS, "BASIC_TYPE")
KEYWORDS["function"] = "FUNCTION"

#: Modifiers keep their own terminals' names out of the grammar: one terminal for all of them.
MODIFIERS = frozenset("private protected public nomask nosave varargs".split())
KEYWORDS |= dict.fromkeys(MODIFIERS, "MODIFIER")

#: Punctuation, longest match first. Binary operators that only differ in spelling share a terminal: the
#: parser resolves their precedence from a table, not from grammar levels.
OPERATORS: dict[str, str] = {
    "??=": "ASSIGN_OP", "&&=": "ASSIGN_OP", "||=": "ASSIGN_OP", "<<=": "ASSIGN_OP", ">>=": "ASSIGN_OP",
    "+=": "ASSIGN_OP", "-=": "ASSIGN_OP", "*=": "ASSIGN_OP", "/=": "ASSIGN_OP", "%=": "ASSIGN_OP",
    "&=": "ASSIGN_OP", "|=": "ASSIGN_OP", "^=": "ASSIGN_OP",
    "=": "ASSIGN",
    "++": "INC_DEC", "--": "INC_DEC",
    "->": "ARROW", "?.": "OPTIONAL_DOT", ".?": "DOT_OPTIONAL", "...": "ELLIPSIS", "..": "RANGE", ".": "DOT",
    "::": "SCOPE", ":": "COLON", "?": "QUESTION", "??": "BINARY_OP",
    "==": "BINARY_OP", "!=": "BINARY_OP", "<=": "BINARY_OP", ">=": "BINARY_OP", ">": "BINARY_OP",
    "<": "LESS", "<<": "BINARY_OP", ">>": "BINARY_OP",
    "&&": "BINARY_OP", "||": "BINARY_OP", "&": "AMPERSAND", "|": "BINARY_OP", "^": "BINARY_OP",
    "+": "BINARY_OP", "-": "MINUS", "*": "STAR", "/": "BINARY_OP", "%": "BINARY_OP",
    "!": "NOT", "~": "TILDE",
    "(": "LPAR", ")": "RPAR", "{": "LBRACE", "}": "RBRACE", "[": "LSQB", "]": "RSQB",
    ";": "SEMICOLON", ",": "COMMA", "$": "DOLLAR",
    "(:": "LFUNCTIONAL",  # white space may stand between the two characters
}

#: The rest: IDENTIFIER (value: the name), INT, FLOAT, STRING (value: the int, float, decoded text),
#: PARAMETER (`$n`, value n), and template literals with `${}`: TEMPLATE_BEGIN, TEMPLATE_MIDDLE,
#: TEMPLATE_END, each with its decoded text as value, the expressions' tokens between them.
LITERALS = ("IDENTIFIER", "INT", "FLOAT", "STRING", "PARAMETER", "TEMPLATE_BEGIN", "TEMPLATE_MIDDLE", "TEMPLATE_END")


class Token:
    """A terminal (`type`), its value (the spelling, or a literal's value) and its place.

    A token that came out of a macro stands at the use of the outermost macro.
    """

    __slots__ = ("type", "value", "start", "end")

    def __init__(self, type: str, value: Any, start: Position, end: Position) -> None:
        self.type = type
        self.value = value
        self.start = start
        self.end = end

    def __repr__(self) -> str:
        return f"Token({self.type}, {self.value!r})"
