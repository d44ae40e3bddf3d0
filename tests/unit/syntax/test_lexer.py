"""Every literal and operator, where tokens stand, and what is said about broken ones."""

from __future__ import annotations

from typing import Any

import pytest

from lpc.diagnostics import Diagnostic, Diagnostics, Severity, render
from lpc.source import SourceMap, column_of, line_of, position
from lpc.syntax.lexer import MAX_INT, MAX_STRING, MAX_TEMPLATES, MAX_TEXT_BLOCK
from lpc.syntax.preprocessor import Preprocessor
from lpc.syntax.tokens import KEYWORDS, OPERATORS, Token


def scan(text: str) -> tuple[list[Token], list[Diagnostic]]:
    """The tokens of a file without includes, and the messages."""
    source = SourceMap()
    found = Diagnostics(source)
    stream = Preprocessor(source, found, predefined={}, include=lambda *_: None).run("/a.c", text)
    return stream.tokens, found.found


def pairs(text: str) -> list[tuple[str, Any]]:
    """Terminal and value of each token of a file without faults."""
    tokens, found = scan(text)
    assert [d.message for d in found] == []
    return [(token.type, token.value) for token in tokens]


def value(text: str) -> Any:
    """The value of the one token of a file without faults."""
    (pair,) = pairs(text)
    return pair[1]


def fault(text: str) -> Diagnostic:
    """The one message about a file."""
    _, (diagnostic,) = scan(text)
    return diagnostic


def spelled(diagnostic: Diagnostic, text: str) -> str:
    """What a message points at (in a text of one line)."""
    return text[column_of(diagnostic.start):column_of(diagnostic.end)]


# ------------------------------------------------------------------------------------------ words, operators

def test_identifiers_are_ascii_words() -> None:
    assert pairs("foo _bar Baz9") == [("IDENTIFIER", "foo"), ("IDENTIFIER", "_bar"), ("IDENTIFIER", "Baz9")]


@pytest.mark.parametrize("word", sorted(KEYWORDS))
def test_reserved_words(word: str) -> None:
    assert pairs(word) == [(KEYWORDS[word], word)]


@pytest.mark.parametrize("word", ["static", "array", "status", "then", "If", "INT"])
def test_words_that_are_not_reserved(word: str) -> None:
    assert pairs(word) == [("IDENTIFIER", word)]


@pytest.mark.parametrize("spelling", sorted(set(OPERATORS) - {"?."}))
def test_operators(spelling: str) -> None:
    assert pairs(f"{spelling} 1") == [(OPERATORS[spelling], spelling), ("INT", 1)]


@pytest.mark.parametrize(("text", "spellings"), [
    ("a+++b", ["a", "++", "+", "b"]),
    ("a<<=b", ["a", "<<=", "b"]),
    ("a??=b??c?d:e", ["a", "??=", "b", "??", "c", "?", "d", ":", "e"]),
    ("x?.y", ["x", "?.", "y"]),
    ("x?.[y]", ["x", "?.", "[", "y", "]"]),
    ("x.?[y]", ["x", ".?", "[", "y", "]"]),
    ("a?.5:1", ["a", "?", ".", 5, ":", 1]),
    ("a...b..c.d", ["a", "...", "b", "..", "c", ".", "d"]),
    ("::f()", ["::", "f", "(", ")"]),
    ("a->b", ["a", "->", "b"]),
    ("x-->y", ["x", "--", ">", "y"]),
    ("({([", ["(", "{", "(", "["]),
    ("])})", ["]", ")", "}", ")"]),
    ("$1$(x)$ 2", [1, "$", "(", "x", ")", "$", 2]),
])
def test_the_longest_operator_wins(text: str, spellings: list[Any]) -> None:
    assert [spelling for _, spelling in pairs(text)] == spellings


@pytest.mark.parametrize("text", ["(:", "( :", "(\t:", "(\n\n:"])
def test_white_space_may_stand_in_a_functional(text: str) -> None:
    assert pairs(f"{text} foo :)") == [("LFUNCTIONAL", "(:"), ("IDENTIFIER", "foo"), ("COLON", ":"), ("RPAR", ")")]


@pytest.mark.parametrize("text", ["(::f", "( ::f", "(\n::f"])
def test_a_call_of_an_inherited_function_is_no_functional(text: str) -> None:
    assert [terminal for terminal, _ in pairs(text)] == ["LPAR", "SCOPE", "IDENTIFIER"]


def test_a_functional_may_begin_with_an_inherited_call() -> None:
    assert [terminal for terminal, _ in pairs("(: ::f")] == ["LFUNCTIONAL", "SCOPE", "IDENTIFIER"]


# --------------------------------------------------------------------------------------------------- numbers

@pytest.mark.parametrize(("text", "expected"), [
    ("0", 0), ("123", 123), ("010", 10), ("1_000", 1000), ("1_0_0", 100),
    ("0x1F", 31), ("0X1f", 31), ("0xff_ff", 65535), ("0b101", 5), ("0B1_1", 3),
    ("9223372036854775807", MAX_INT), ("9223372036854775808", MAX_INT), ("0xFFFFFFFFFFFFFFFF", MAX_INT),
    ("9" * 300, MAX_INT), ("0" * 300 + "7", 7), ("0b" + "1" * 70, MAX_INT), ("1000000000000000000", 10**18),
])
def test_integers(text: str, expected: int) -> None:
    assert pairs(text) == [("INT", expected)]


@pytest.mark.parametrize(("text", "expected"), [
    ("1.5", 1.5), ("1.", 1.0), ("1e3", 1000.0), ("1.5e-3", 0.0015), ("1_0.5", 10.5), ("1E+2", 100.0), ("1.e2", 100.0),
    ("1e999", float("inf")), ("010.5", 10.5),
])
def test_floats(text: str, expected: float) -> None:
    assert pairs(text) == [("FLOAT", expected)]


@pytest.mark.parametrize(("text", "expected"), [
    ("1..5", [("INT", 1), ("RANGE", ".."), ("INT", 5)]),
    ("1...", [("INT", 1), ("ELLIPSIS", "...")]),
    (".5", [("DOT", "."), ("INT", 5)]),
    ("1.5.5", [("FLOAT", 1.5), ("DOT", "."), ("INT", 5)]),
    ("1__0", [("INT", 1), ("IDENTIFIER", "__0")]),
    ("0x_1", [("INT", 0), ("IDENTIFIER", "x_1")]),
    ("1e", [("INT", 1), ("IDENTIFIER", "e")]),
    ("1_", [("INT", 1), ("IDENTIFIER", "_")]),
    ("-5", [("MINUS", "-"), ("INT", 5)]),
    ("12abc", [("INT", 12), ("IDENTIFIER", "abc")]),
])
def test_what_is_not_one_number(text: str, expected: list[tuple[str, Any]]) -> None:
    assert pairs(text) == expected


@pytest.mark.parametrize("text", ["1" * 100_000, "0x" + "f" * 100_000, "1." + "5" * 100_000])
def test_endless_numbers_are_refused(text: str) -> None:
    assert fault(text).code == "LPC1011"


# ------------------------------------------------------------------------------------------------ characters

@pytest.mark.parametrize(("text", "expected"), [
    ("'a'", 97), (r"'\n'", 10), (r"'\''", 39), ("'\"'", 34), (r"'\x41'", 65), (r"'\101'", 65), ("'''", 39),
    (r"'\\'", 92), (r"'\xff'", 255), (r"'\0'", 0), ("' '", 32), (r"'\e'", 27), (r"'\"'", 34), (r"'\u0041'", 65),
    ("'`'", 96), ("'@'", 64), ("'#'", 35),
])
def test_characters_are_integers(text: str, expected: int) -> None:
    assert pairs(text) == [("INT", expected)]


@pytest.mark.parametrize("text", ["'é'", "'日'", "'ab'", "''", "'", "'abc", r"'\u00e9'"])
def test_bad_characters_are_one_error_each(text: str) -> None:
    diagnostic = fault(text + " ;")
    assert (diagnostic.severity, diagnostic.code) == (Severity.ERROR, "LPC1010")
    assert diagnostic.message == "Illegal character constant"


def test_a_character_of_several_bytes_is_told_how_to_be_written() -> None:
    assert fault("'é'").hint == 'a character constant is one byte; write "é"[0]'


def test_the_scan_goes_on_behind_a_bad_character() -> None:
    tokens, _ = scan("x = 'ab'; y")
    assert [token.value for token in tokens] == ["x", "=", 0, ";", "y"]


# --------------------------------------------------------------------------------------------------- strings

@pytest.mark.parametrize(("text", "expected"), [
    ('""', ""), ('"abc"', "abc"), ('"日本é"', "日本é"), (r'"a\nb"', "a\nb"), (r'"\t\r\b\a\e\"\\"', "\t\r\b\a\x1b\"\\"),
    (r'"\\n"', "\\n"), (r'"\\\n"', "\\\n"), ('"a\nb"', "a\nb"), ('"a\r\nb"', "a\nb"), ('"a\\\nb"', "ab"),
    ('"a\\\r\nb"', "ab"), (r'"\101\60"', "A0"), (r'"\x41"', "A"), (r'"\x000041g"', "Ag"), (r'"\xc3\xa9"', "é"),
    (r'"\303\251"', "é"), (r'"\u00e9"', "é"), (r'"\u00e91"', "é1"), (r'"\uD83D\uDE00"', "😀"),
    (r'"\U0001F600x"', "😀x"),
    ('"// no comment"', "// no comment"), ('"/* nor this */"', "/* nor this */"), ('"@END"', "@END"),
    ('"`${x}`"', "`${x}`"),
    ('"it\'s"', "it's"), ('"' + "x" * MAX_STRING + '"', "x" * MAX_STRING),
])
def test_strings(text: str, expected: str) -> None:
    assert pairs(text) == [("STRING", expected)]


def test_adjacent_strings_are_left_to_the_grammar() -> None:
    assert pairs('"a" "b"') == [("STRING", "a"), ("STRING", "b")]


@pytest.mark.parametrize(("text", "expected", "code", "message", "marked"), [
    (r'"\m"', "m", "LPC1009", r"Unknown escape sequence '\m'.", r"\m"),
    (r'"a\'b"', "a'b", "LPC1009", r"Unknown escape sequence '\''.", r"\'"),
    (r'"\xg"', "xg", "LPC1008", r"\x must be followed by a valid hex value; interpreting as 'x' instead.", r"\x"),
    (r'"\x100"', "x", "LPC1008", "Illegal character constant.", r"\x100"),
    (r'"\777"', "x", "LPC1008", "Illegal character constant.", r"\777"),
    (r'"a\0b"', "a", "LPC1002", "NUL in string literal: the string ends there.", r'"a\0b"'),
])
def test_escapes_that_are_warned_about(text: str, expected: str, code: str, message: str, marked: str) -> None:
    tokens, (diagnostic,) = scan(text)
    assert tokens[0].value == expected
    assert (diagnostic.severity, diagnostic.code, diagnostic.message) == (Severity.WARNING, code, message)
    assert spelled(diagnostic, text) == marked


@pytest.mark.parametrize(("text", "code", "message"), [
    (r'"\8"', "LPC1008", r"Illegal octal escape '\8'"),
    (r'"\u12"', "LPC1008", "Illegal unicode sequence."),
    (r'"\uD83D"', "LPC1008", "Illegal unicode sequence. Missing surrogate trail."),
    (r'"\uD83Dx"', "LPC1008", "Illegal unicode sequence. Missing surrogate trail."),
    (r'"\uDE00"', "LPC1008", "Illegal unicode sequence."),
    (r'"\U00110000"', "LPC1008", "Illegal unicode sequence."),
    (r'"\U0000D800"', "LPC1008", "Illegal unicode sequence."),
    (r'"\U123"', "LPC1008", "Illegal unicode sequence."),
    (r'"\xff"', "LPC1007", "Invalid UTF8 string"),
    (r'"\xc3x"', "LPC1007", "Invalid UTF8 string"),
    ('"\udcff"', "LPC1007", "Invalid UTF8 string"),
    ('"\ud800"', "LPC1007", "Invalid UTF8 string"),
    ('"' + "x" * (MAX_STRING + 1) + '"', "LPC1006", "String too long"),
    ('"' + "é" * (MAX_STRING // 2 + 1) + '"', "LPC1006", "String too long"),
    ('"abc', "LPC1005", "End of file in string"),
    ('"abc\\"', "LPC1005", "End of file in string"),
    ('"abc\\', "LPC1005", "End of file in string"),
])
def test_strings_that_are_errors(text: str, code: str, message: str) -> None:
    diagnostic = fault(text)
    assert (diagnostic.severity, diagnostic.code, diagnostic.message) == (Severity.ERROR, code, message)


def test_an_open_string_tells_of_the_one_before_that_may_lack_its_quote() -> None:
    _, (diagnostic,) = scan('f() {\n  write("one);\n}\ng() {\n  write("two");\n}\n')
    assert render(diagnostic) == """\
/a.c:5:13: error[LPC1005]: End of file in string
    5 |   write("two");
      |             ^~~ this string is never closed
/a.c:2:9: note: this string runs over several lines; is its closing quote missing?
    2 |   write("one);
      |         ^
"""


# ------------------------------------------------------------------------------------------------- templates

@pytest.mark.parametrize(("text", "expected"), [
    ("`plain`", [("STRING", "plain")]),
    ("``", [("STRING", "")]),
    ("`a\nb`", [("STRING", "ab")]),
    ("`a\\nb\\`\\$\\\\`", [("STRING", "a\nb`$\\")]),
    ("`$x $ {`", [("STRING", "$x $ {")]),
    ("`it's \"x\"`", [("STRING", "it's \"x\"")]),
    ("`a${x}b`", [("TEMPLATE_BEGIN", "a"), ("IDENTIFIER", "x"), ("TEMPLATE_END", "b")]),
    ("`${x}${y}`", [("TEMPLATE_BEGIN", ""), ("IDENTIFIER", "x"), ("TEMPLATE_MIDDLE", ""), ("IDENTIFIER", "y"),
                    ("TEMPLATE_END", "")]),
    ("`a${`b${x}`}`", [("TEMPLATE_BEGIN", "a"), ("TEMPLATE_BEGIN", "b"), ("IDENTIFIER", "x"), ("TEMPLATE_END", ""),
                       ("TEMPLATE_END", "")]),
    ("`${({})}`", [("TEMPLATE_BEGIN", ""), ("LPAR", "("), ("LBRACE", "{"), ("RBRACE", "}"), ("RPAR", ")"),
                   ("TEMPLATE_END", "")]),
    ("`${x // }\n}`", [("TEMPLATE_BEGIN", ""), ("IDENTIFIER", "x"), ("TEMPLATE_END", "")]),
    ("`${\"}\"}` }", [("TEMPLATE_BEGIN", ""), ("STRING", "}"), ("TEMPLATE_END", ""), ("RBRACE", "}")]),
])
def test_templates(text: str, expected: list[tuple[str, Any]]) -> None:
    assert pairs(text) == expected


@pytest.mark.parametrize("text", ["`abc", "`a${x", "`a${x}b", "`\\", "`${`", "`a${ { } "])
def test_open_templates_are_one_error(text: str) -> None:
    diagnostic = fault(text)
    assert (diagnostic.code, diagnostic.message) == ("LPC1015", "End of file in template literal")


def test_templates_know_no_unicode_escapes() -> None:
    tokens, (diagnostic,) = scan(r"`\u0041`")
    assert tokens[0].value == "u0041"
    assert diagnostic.message == r"Unknown escape sequence '\u'."


def test_templates_nest_so_deep_and_no_deeper() -> None:
    def nested(depth: int) -> str:
        return "`${" * depth + "1" + "}`" * depth

    assert len(pairs(nested(MAX_TEMPLATES))) == 2 * MAX_TEMPLATES + 1
    assert fault(nested(MAX_TEMPLATES + 1)).message == "Template literals nested too deeply"


# ----------------------------------------------------------------------------------------------- text blocks

@pytest.mark.parametrize(("text", "expected"), [
    ("@END\nhello\n  there\nEND", "hello\n  there\n"),
    ("@END  \t\nx\nEND", "x\n"),
    ("@END\nEND", ""),
    ("@END\n\nEND", "\n"),
    ("@END\nENDING\n END\nEND_\nEND9\nEND", "ENDING\n END\nEND_\nEND9\n"),
    ("@END\r\na\r\nEND", "a\n"),
    ("@1\n#define X 1\n\"quotes\n1", "#define X 1\n\"quotes\n"),
    ("@END\na\\nb // c\nEND", "a\\nb // c\n"),
    ("@E\n日本\nE", "日本\n"),
    ("@E\n" + "x" * (MAX_TEXT_BLOCK - 1) + "\nE", "x" * (MAX_TEXT_BLOCK - 1) + "\n"),
])
def test_text_blocks(text: str, expected: str) -> None:
    assert pairs(text) == [("STRING", expected)]


def test_code_goes_on_behind_the_terminator() -> None:
    tokens, _ = scan("f(@END\nx\nEND);\ny")
    assert [token.value for token in tokens] == ["f", "(", "x\n", ")", ";", "y"]


@pytest.mark.parametrize(("text", "lines"), [("@@E\na\n b\nE", ["a", " b"]), ("@@E\nE", []), ("@@E\n\nE", [""])])
def test_text_blocks_of_lines(text: str, lines: list[str]) -> None:
    expected: list[tuple[str, Any]] = [("LPAR", "("), ("LBRACE", "{")]
    for line in lines:
        expected += [("STRING", line), ("COMMA", ",")]
    assert pairs(text) == [*expected, ("RBRACE", "}"), ("RPAR", ")")]


def test_each_line_of_a_block_stands_where_it_is() -> None:
    tokens, _ = scan("x = @@END\n  one\ntwo\nEND;")
    strings = [token for token in tokens if token.type == "STRING"]
    assert [(line_of(t.start), column_of(t.start), column_of(t.end)) for t in strings] == [(2, 0, 5), (3, 0, 3)]
    assert (tokens[-1].start, tokens[-1].value) == (position(4, 3), ";")


@pytest.mark.parametrize(("text", "code", "message"), [
    ("@END\nabc\n", "LPC1013", "End of file in text block"),
    ("@@END\nENDx\n", "LPC1013", "End of file in text block"),
    ("@END x\nEND", "LPC1013", "Illegal terminator"),
    ("@ END\n", "LPC1013", "Illegal terminator"),
    ("@", "LPC1013", "Illegal terminator"),
    ("@END", "LPC1013", "Illegal terminator"),
    ("@E\n" + "x" * MAX_TEXT_BLOCK + "\nE", "LPC1014", "Text block too long"),
    ("@E\n\udcff\nE", "LPC1007", "Invalid UTF8 string"),
])
def test_text_blocks_that_are_errors(text: str, code: str, message: str) -> None:
    diagnostic = fault(text)
    assert (diagnostic.code, diagnostic.message) == (code, message)


# -------------------------------------------------------------------------------- comments, white space, rest

@pytest.mark.parametrize("text", [
    "a b", "a\tb", "a\rb", "a\vb", "a\fb", "a\nb", "a\r\nb", "a// x\nb", "a/* x */b", "a/* \n * x\n **/b", "a\\\nb",
    "a \\\r\n b", "a/**/b", "a//\n//\n\n  // x\nb", "a /* // */ b", "a // /* \n b", "a/***/b",
])
def test_white_space_and_comments_separate(text: str) -> None:
    tokens, _ = scan(text)
    assert [token.value for token in tokens] == ["a", "b"]


def test_a_file_may_end_in_anything_blank() -> None:
    for text in ("", " ", "\n", "// x", "/* x */", "\\\n", " \t \n\n  "):
        assert pairs(text) == []


def test_a_byte_order_mark_is_skipped() -> None:
    tokens, found = scan("\ufeff#define X 1\nX")
    assert (found, [token.value for token in tokens]) == ([], [1])


@pytest.mark.parametrize(("text", "values"), [
    ("#!/usr/bin/pylpc -A\nx", ["x"]), ("#!x", []), ("#!x\n#define y 1\ny", [1]),
])
def test_a_shebang_line_is_skipped(text: str, values: list[Any]) -> None:
    assert [token_value for _, token_value in pairs(text)] == values


def test_a_shebang_is_one_on_the_first_line_only() -> None:
    assert fault("\n#!x\n").code == "LPC1020"


def test_a_comment_in_a_comment_is_warned_about() -> None:
    diagnostic = fault("/* a /* b */")
    assert (diagnostic.code, diagnostic.message) == ("LPC1004", "/* found in comment.")
    assert column_of(diagnostic.start) == 5


@pytest.mark.parametrize("text", ["/*", "/* x", "/* x *", "/*/"])
def test_an_open_comment_is_an_error(text: str) -> None:
    diagnostic = fault("x " + text)
    assert (diagnostic.code, diagnostic.message) == ("LPC1003", "End of file in a comment")
    assert column_of(diagnostic.start) == 2


@pytest.mark.parametrize(("text", "message"), [
    ("x \\ y", r"Illegal character '\' (0x5c)"),
    ("é", "Illegal character 'é' (0xe9)"),
    ("日本", "Illegal character '日' (0x65e5)"),
    ("a \x01", r"Illegal character '\x01' (0x01)"),
    ("a # b", "Illegal character '#' (0x23)"),
    ("\udcff", "Invalid UTF8 string"),
])
def test_illegal_characters(text: str, message: str) -> None:
    assert fault(text).message == message


def test_nul_bytes_are_one_error() -> None:
    tokens, (diagnostic,) = scan('a\n b\0 "\0"\0')
    assert diagnostic.message == "Illegal embedded NUL byte (0x00) in source."
    assert diagnostic.start == position(2, 2)
    assert [token.value for token in tokens] == ["a", "b", " "]


@pytest.mark.parametrize(("text", "message"), [
    ("$256", "only 255 parameters allowed."),
    ("$" + "9" * 10_000, "only 255 parameters allowed."),
    ("$0", "In function parameter $num, num must be >= 1."),
])
def test_parameter_numbers_have_limits(text: str, message: str) -> None:
    assert fault(text).message == message


@pytest.mark.parametrize("number", [1, 255])
def test_parameters(number: int) -> None:
    assert pairs(f"${number}") == [("PARAMETER", number)]


# ------------------------------------------------------------------------------------------------- positions

@pytest.mark.parametrize("literal", [
    "foo", "while", "+=", "(", "{", "123", "0x1F", "1.5", "'a'", '"abc"', r'"a\tb"', '"日本"', "$12", "`text`", "(:",
])
def test_a_token_spans_its_spelling(literal: str) -> None:
    tokens, _ = scan(f"// é\n\n/* é */ 日 {literal} ;")
    column = len("/* é */ 日 ")
    token = tokens[0]
    assert (token.start, token.end) == (position(3, column), position(3, column + len(literal)))
    assert tokens[-1].start == position(3, column + len(literal) + 1)


@pytest.mark.parametrize("text", [
    '"a\nb"', '"a\\\nb"', "`a\nb`", "/* a\n */ x", "(\n:", "\\\nx", "`${x\n}`", "@E\nE", '"a\\n\nb"',
])
def test_lines_are_counted_through_everything(text: str) -> None:
    tokens, _ = scan(f"a {text} end\n  last")
    last = text.rsplit("\n", 1)[1]
    assert tokens[-2].start == position(2, len(last) + 1)
    assert tokens[-1].start == position(3, 2)


def test_a_token_of_several_lines_ends_where_it_ends() -> None:
    tokens, _ = scan('x "a\n  b" y')
    assert (tokens[1].start, tokens[1].end) == (position(1, 2), position(2, 4))


def test_a_hopelessly_long_line_is_refused() -> None:
    assert fault("x;\n" + "y" * (1 << 20)).message == "Line too long"
    assert line_of(fault("x;\n" + "y" * (1 << 20)).start) == 2
