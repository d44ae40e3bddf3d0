"""What tokens look like to somebody who looks for mistakes: classes of terminals, names for people, and shapes of
definitions told from a few tokens without parsing them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

from lpc.source import column_of
from lpc.syntax.automaton import END
from lpc.syntax.tokens import KEYWORDS, Token

#: How far to look for the end of a parameter list where many places are tried.
_REACH: Final = 100

CLOSER: Final = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE"}
CLOSERS: Final = frozenset(CLOSER.values())
SPELLING: Final = {"LPAR": "(", "RPAR": ")", "LSQB": "[", "RSQB": "]", "LBRACE": "{", "RBRACE": "}", "SEMICOLON": ";",
                    "COMMA": ",", "COLON": ":", "IN": "in", "WHILE": "while", "RANGE": "..", "ASSIGN": "=",
                    "QUESTION": "?", "ARROW": "->"}
DESCRIPTION: Final = {"IDENTIFIER": "a name", "BASIC_TYPE": "a type", "TEMPLATE_END": "the end of the template"}

#: Words that begin a statement and nothing else.
STATEMENT_WORDS: Final = frozenset(
    ("BREAK", "CONTINUE", "DO", "FOR", "FOREACH", "IF", "RETURN", "SWITCH", "WHILE"))
LABEL_WORDS: Final = frozenset(("CASE", "DEFAULT"))
TYPE_WORDS: Final = frozenset(("BASIC_TYPE", "FUNCTION", "CLASS"))
RESERVED: Final = frozenset(KEYWORDS.values())

#: What begins an expression; where all of these fit, "an expression" is expected.
EXPRESSION_SIGNS: Final = frozenset(("IDENTIFIER", "INT", "STRING", "LPAR"))
STATEMENT_SIGNS: Final = frozenset(("IF", "RETURN", "SEMICOLON"))

#: Where both fit, an operand has just ended: of all that may follow, only what ends the expression is worth a word.
OPERATOR_SIGNS: Final = frozenset(("BINARY_OP", "MINUS"))
ENDING_SIGNS: Final = frozenset(("COLON", "COMMA", "RBRACE", "RPAR", "RSQB", "SEMICOLON"))

#: Before these (and statement words) a `;` is missing even on the same line.
AFTER_SEMICOLON: Final = frozenset(("RBRACE", "ELSE", "CASE", "DEFAULT", END))
#: Before these (and statement words) brackets are missing that nobody closes later.
AFTER_CLOSER: Final = frozenset(("SEMICOLON", "LBRACE", "RBRACE", "RPAR", "RSQB", "ELSE", END))

#: What only a statement can begin with, and what makes one of an item that begins with a name.
STATEMENT_BEGINNINGS: Final = frozenset(
    ("INC_DEC", "LPAR", "NEW", "SSCANF", "PARSE_COMMAND", "TIME_EXPRESSION", "CATCH", "EFUN", "SCOPE", "INT", "FLOAT",
     "STRING", "LFUNCTIONAL", "LBRACE", "NOT", "MINUS", "TILDE", "PARAMETER", "DOLLAR", "TEMPLATE_BEGIN"))
STATEMENT_SUFFIXES: Final = frozenset(
    ("ARROW", "DOT", "OPTIONAL_DOT", "DOT_OPTIONAL", "INC_DEC", "ASSIGN_OP", "LSQB", "SCOPE", "BINARY_OP", "QUESTION",
     "MINUS", "AMPERSAND", "LESS"))
#: What takes so many arguments that it would complain about fewer.
LEAST_ARGUMENTS: Final = {"NEW": 1, "SSCANF": 2, "PARSE_COMMAND": 3}
#: Words after which a parenthesis must open.
HEAD_WORDS: Final = frozenset(("IF", "WHILE", "FOR", "FOREACH", "SWITCH"))
#: Reserved words that people use as names of variables.
NAME_LIKE: Final = frozenset(("BASIC_TYPE", "FUNCTION", "IN", "REF", "CLASS"))

#: Words of other dialects and languages, where a modifier or type stands.
FOREIGN: Final = {
    "static": "'static' is not a modifier: use 'nosave' for variables, 'protected' for functions",
    "status": "'status' is not a type: use 'int'",
    "bool": "'bool' is not a type: use 'int'",
    "char": "'char' is not a type: use 'int'",
    "double": "'double' is not a type: use 'float'",
    "long": "'long' is not a type: use 'int'",
    "unsigned": "'unsigned' is not a modifier: an 'int' has a sign",
    "const": "'const' is not a modifier: use '#define'",
    "var": "'var' is not a type: use 'mixed'",
    "array": "'array' is not a type: use 'mixed *'",
    "closure": "'closure' is not a type: use 'function'",
    "symbol": "'symbol' is not a type: use 'string'",
}


def is_definition(tokens: Sequence[Token], index: int) -> bool:
    """Whether the item of a script that begins at `index` is a definition (else it is a statement)."""
    kind = tokens[index].type
    following = tokens[index + 1].type if index + 1 < len(tokens) else END
    if kind == "IDENTIFIER":
        if tokens[index].value in FOREIGN:
            return following == "IDENTIFIER" or following in TYPE_WORDS or following == "MODIFIER"
        return following == "LPAR" and is_function_with_body(tokens, index)
    if kind == "BASIC_TYPE":
        return following != "SCOPE"
    if kind == "FUNCTION":
        return following not in ("LPAR", "SCOPE")
    return kind in ("MODIFIER", "INHERIT", "CLASS", "SEMICOLON", END)


def is_function_with_body(tokens: Sequence[Token], name: int, reach: int = sys.maxsize) -> bool:
    """Whether `name ( … ) {` stands at `name`, its end at most `reach` tokens away."""
    if tokens[name + 1].type != "LPAR":
        return False
    depth = 0
    for index in range(name + 1, min(name + reach, len(tokens))):
        kind = tokens[index].type
        if kind == "LPAR" or kind == "LFUNCTIONAL":
            if kind == "LPAR" and depth == 1:  # parameters have none but inside the functional of a default
                return False
            depth += 1
        elif kind == "RPAR":
            depth -= 1
            if depth <= 0:
                return depth == 0 and index + 1 < len(tokens) and tokens[index + 1].type == "LBRACE"
        elif kind == "SEMICOLON" and depth <= 1:
            return False
    return False


def begins_function(tokens: Sequence[Token], index: int) -> bool:
    """Whether `[modifiers] [type] [*] name ( … ) {` stands at `index`, or what else can only stand at file level."""
    begin = index
    while tokens[index].type == "MODIFIER":
        index += 1
    if tokens[index].type == "INHERIT":
        return True
    if tokens[index].type == "CLASS" and tokens[index + 1].type == "IDENTIFIER":
        if tokens[index + 2].type == "LBRACE":
            return True
        index += 2
    elif tokens[index].type in TYPE_WORDS:
        index += 1
    if tokens[index].type == "STAR":
        index += 1
    bare = index == begin and column_of(tokens[index].start) > 0
    return tokens[index].type == "IDENTIFIER" and not bare and is_function_with_body(tokens, index, _REACH)


def described(token: Token) -> str:
    """A token as a person would name it."""
    if token.type == END:
        return "end of file"
    if token.type == "IDENTIFIER":
        return f"identifier '{token.value}'"
    if token.type in ("INT", "FLOAT"):
        return f"number {token.value}"
    if token.type == "STRING":
        return "string"
    if token.type == "PARAMETER":
        return f"'${token.value}'"
    if token.type.startswith("TEMPLATE"):
        return "template"
    return f"'{token.value}'"
