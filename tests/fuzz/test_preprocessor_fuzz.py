"""Whatever is fed to the preprocessor, it ends, raises nothing, and keeps its promises about positions."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from lpc.diagnostics import Diagnostics, as_json, render, render_all, suggest
from lpc.source import SourceMap, column_of, decode, line_of
from lpc.syntax.preprocessor import Preprocessor, TokenStream
from lpc.syntax.tokens import KEYWORDS, LITERALS, OPERATORS, Token

# What means something to the scanner, so that random texts get into every corner of it.
FRAGMENTS = (
    "#", "##", "#define ", "#undef ", "#if ", "#ifdef ", "#ifndef ", "#elif ", "#else", "#endif", "#include ",
    "#pragma ", "#line ", "#error ", "#warn ", '"self.h"', "<other.h>", "strict_types", "\n#define F(x, y) x y",
    "\n#define X X Y", "\n#define G(x) #x x##x", "\n#define Y F", "\nF(", "G(", "X", "Y", "defined", "efun_defined",
    "__LINE__", "__FILE__",
    "(", ")", ",", "\n", "\r\n", "\\\n", "\\", '"', "'", "`", "${", "}", "{", "@END\n", "\nEND", "@@E\n", "\nE",
    "/*", "*/",
    "//", "(:", ":)", "( ::", "?.", "...", "$1", "$999", "0x", "0b1", "1_0", "1..", "1e9", ".5", "\\x", "\\u12",
    "\\777",
    "é", "日", "\x00", "\udc80", "\t", " ", "12", "a", "+", "?", ":", "\ufeff", "#!",
)
TEXTS = st.one_of(
    st.text(max_size=200),
    st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=3)), max_size=60).map("".join),
    st.binary(max_size=200).map(decode),
)


def preprocess(text: str, header: str = "") -> tuple[TokenStream, Diagnostics]:
    source = SourceMap()
    found = Diagnostics(source)
    files = {"self.h": text, "other.h": header}
    stream = Preprocessor(
        source, found, predefined={"MUD": '"m"'}, efun_defined=lambda name: name == "write",
        include=lambda name, angled, file: (f"/{name}", files[name]) if name in files else None,
    ).run("/a.c", text, prelude="<other.h>")
    return stream, found


def check_token(token: Token, source: SourceMap) -> None:
    assert token.type in KEYWORDS.values() or token.type in OPERATORS.values() or token.type in LITERALS
    assert token.start <= token.end
    place = source.locate(token.start)
    assert place.line >= 1 and place.column >= 1
    if token.type in ("INT", "PARAMETER"):
        assert type(token.value) is int and 0 <= token.value < 2**63
    elif token.type == "FLOAT":
        assert type(token.value) is float
    else:
        assert type(token.value) is str
        token.value.encode("utf-8")
        assert "\0" not in token.value


@settings(max_examples=400, deadline=None)
@given(TEXTS, TEXTS)
@example("#include \"self.h\"\n#include \"self.h\"\n", "")
@example("#define F(x) F(x) x\nF(F(F(1)))", "")
@example("#if 1\n#line 3\n", "#line 99999999\n")
def test_any_text_gives_tokens_and_messages(text: str, header: str) -> None:
    stream, found = preprocess(text, header)
    for token in stream.tokens:
        check_token(token, found.source)
    render_all(found.found).encode("utf-8")
    for diagnostic in found.found:
        assert diagnostic.code.startswith("LPC1")
        assert diagnostic.start <= diagnostic.end
        assert not set(render(diagnostic)) & set("\x00\x1b\x07\r")
        as_json(diagnostic)


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_the_same_text_gives_the_same_tokens(text: str) -> None:
    first, second = preprocess(text), preprocess(text)
    assert [(t.type, repr(t.value), t.start, t.end) for t in first[0].tokens] == [
        (t.type, repr(t.value), t.start, t.end) for t in second[0].tokens]
    assert render_all(first[1].found) == render_all(second[1].found)


WORDS = st.lists(st.sampled_from([
    "foo", "while", "int", "+", "->", "(", ")", "{", "}", "[", "]", ";", ",", "12", "0x1F", "1.5", '"a b"', '"日本"',
    "'c'", "(:", "$2", "??=", "...", '"\\n"',
]), max_size=40)
GAPS = st.lists(st.sampled_from([" ", "\n", "\t", " /* é\n */ ", " // x\n", "\r\n", " \\\n ", "\n\n"]),
                min_size=40, max_size=40)


@settings(max_examples=200, deadline=None)
@given(WORDS, GAPS)
def test_every_token_is_where_its_spelling_is(words: list[str], gaps: list[str]) -> None:
    text = "".join(word + gap for word, gap in zip(words, gaps))
    stream, found = preprocess(text)
    lines = text.replace("\r\n", "\n").split("\n")
    assert found.found == []
    assert len(stream.tokens) == len(words)
    for token, word in zip(stream.tokens, words):
        line = lines[line_of(token.start) - 1]
        assert line[column_of(token.start):column_of(token.end)] == word


@settings(max_examples=200, deadline=None)
@given(WORDS, GAPS, st.lists(st.booleans(), min_size=40, max_size=40))
def test_a_macro_gives_the_tokens_of_its_body(words: list[str], gaps: list[str], behind: list[bool]) -> None:
    plain, _ = preprocess("".join(word + gap for word, gap in zip(words, gaps)))
    defines = "".join(f"#define M{at} {word}\n" for at, word in enumerate(words))
    uses = "".join((f"M{at}" if hidden else word) + gap
                   for at, (word, gap, hidden) in enumerate(zip(words, gaps, behind)))
    expanded, found = preprocess(defines + uses)
    assert found.found == []
    assert [(t.type, t.value) for t in expanded.tokens] == [(t.type, t.value) for t in plain.tokens]


@given(st.text(max_size=80), st.lists(st.text(max_size=80), max_size=20))
def test_a_suggestion_is_another_candidate(word: str, candidates: list[str]) -> None:
    suggestion = suggest(word, candidates)
    assert suggestion is None or suggestion in candidates and suggestion != word
