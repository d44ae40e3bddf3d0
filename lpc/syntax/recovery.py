"""What to say about a syntax error, and how to go on after it.

Rules: one mistake, one message. The machine tells which token does not fit. A *repair* knows a mistake people
make: it reports it and puts the machine right by adding or dropping a token or two, so that nothing else is lost.
Where no repair fits, the general message is given and *panic* leaves out the least it can: the inside of a
bracket, else a statement, else a definition. Every step either takes a token or leaves something open behind,
so it ends.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, Final, NamedTuple

from lpc.diagnostics import MAX_ERRORS, Note, Severity
from lpc.source import Position, column_of, line_of
from lpc.syntax import nodes
from lpc.syntax.automaton import END, Machine
from lpc.syntax.expression_actions import MAX_WAITING, ExpressionActions, Parameters, ParameterScope
from lpc.syntax.shapes import (
    AFTER_CLOSER,
    AFTER_SEMICOLON,
    CLOSER,
    CLOSERS,
    DESCRIPTION,
    ENDING_SIGNS,
    EXPRESSION_SIGNS,
    FOREIGN,
    HEAD_WORDS,
    LABEL_WORDS,
    LEAST_ARGUMENTS,
    NAME_LIKE,
    OPERATOR_SIGNS,
    RESERVED,
    SPELLING,
    STATEMENT_BEGINNINGS,
    STATEMENT_SIGNS,
    STATEMENT_SUFFIXES,
    STATEMENT_WORDS,
    TYPE_WORDS,
    begins_function,
    described,
    is_function_with_body,
)
from lpc.syntax.tokens import KEYWORDS, Token

#: How many repairs one token may need, and a whole file: some repairs say nothing, and a file that needs more is not
#: LPC. (After MAX_ERRORS errors nothing would be shown.)
MAX_ATTEMPTS: Final = 8
MAX_REPAIRS: Final = 300


#: What may stand before a definition.
_ENDS: Final = frozenset(("SEMICOLON", "LBRACE", "RBRACE"))

#: `whlie (x) {` is no definition of a function.
_HEADS: Final = tuple(word.lower() for word in HEAD_WORDS)

#: How many missing brackets are put in at most.
_MOST_CLOSERS: Final = 6


class Bracket(NamedTuple):
    """An open bracket: its index in the machine's values, and its token."""

    height: int
    token: Token

    @property
    def kind(self) -> str:
        """LPAR, LSQB, LBRACE or LFUNCTIONAL."""
        return "LPAR" if self.token.type == "DOLLAR" else self.token.type


class _Skipped:
    """The brackets opened in what panic leaves out: their kinds, and how many of them are braces."""

    __slots__ = ("kinds", "braces")

    def __init__(self) -> None:
        self.kinds: list[str] = []
        self.braces = 0

    def open(self, kind: str) -> None:
        self.kinds.append(kind)
        self.braces += kind == "LBRACE"

    def close(self, closer: str) -> None:
        """Close the innermost bracket that `closer` fits, and what is open in it; only a brace ends a block."""
        while self.kinds and (closer == "RBRACE" or self.kinds[-1] != "LBRACE"):
            kind = self.kinds.pop()
            self.braces -= kind == "LBRACE"
            if CLOSER.get(kind, "RPAR") == closer:
                return


class Recovery:
    """Repairs of one parse."""

    def __init__(self, machine: Machine, actions: ExpressionActions) -> None:
        self._machine = machine
        self._actions = actions
        self._tokens = machine.tokens
        self._errors = 0
        # An error beyond the last token: a literal or comment that is not closed took the rest of the file.
        last = self._tokens[-2].end if len(self._tokens) > 1 else 0
        self._cut_short = any(found.severity is Severity.ERROR and found.start >= last
                              for found in actions.diagnostics.found)
        self._last = -1  # the token of the last mistake, and how often in a row it did not fit
        self._attempts = 0
        self._repairs = 0
        self._quiet = False
        self._unsure = (-1, -1)  # the first and last token where a mistake is only a consequence of the last one
        self._astray = -1  # how many declarations there were when a statement at file level was last reported

    def recover(self, index: int, item_begin: int) -> int:
        """Report the mistake at `index`, put the machine right, and say with which token to go on."""
        self._attempts = self._attempts + 1 if index == self._last else 0
        self._last = index
        self._repairs += 1
        if self._errors > MAX_ERRORS or self._repairs > MAX_REPAIRS:
            return self._give_up(index)
        if self._attempts == MAX_ATTEMPTS:
            self._cut(1)
            return min(index + 1, len(self._tokens) - 1)
        self._quiet = (self._unsure[0] <= index <= self._unsure[1]
                       or self._cut_short and self._tokens[index].type == END)
        if len(self._machine.values) > MAX_WAITING:
            return self._leave_depth(index)
        self._enter_block()
        for repair in (self._foreign_word, self._file_level, self._unclosed_brace, self._semicolon, self._closer,
                       self._stray_closer, self._misplaced_word, self._reserved_name, self._declarator, self._form,
                       self._missing_token):
            resumed = repair(index, item_begin)
            if resumed is not None:
                return resumed
        self._report_unexpected(index)
        return self._panic(index)

    # ----------------------------------------------------------------------------------------- messages

    def _report(self, code: str, message: str, start: Position, end: Position, *, hint: str | None = None,
                notes: list[Note] | None = None) -> None:
        if not self._quiet:
            self._errors += 1
            self._actions.diagnostics.error(code, message, start, end, hint=hint, notes=notes)

    def _report_at(self, code: str, message: str, token: Token, *, hint: str | None = None,
                   notes: list[Note] | None = None) -> None:
        self._report(code, message, token.start, token.end, hint=hint, notes=notes)

    def _report_after(self, code: str, message: str, token: Token, notes: list[Note] | None = None) -> None:
        """Report what is missing: the caret stands right behind the token before it."""
        self._report(code, message, token.end, token.end + 1, notes=notes)

    def _give_up(self, index: int) -> int:
        if self._repairs == MAX_REPAIRS + 1:
            self._quiet = False
            self._report_at("LPC2020", "too many syntax errors; the rest of the file is not checked",
                            self._tokens[index])
        self._cut(1)
        return len(self._tokens) - 1

    def _leave_depth(self, index: int) -> int:
        """So much is open that looking for a repair would take long: go on with the next function."""
        self._report_at("LPC2009", "Expression nested too deeply", self._tokens[index])
        self._cut(1)
        while self._tokens[index].type != END:
            index += 1
            if column_of(self._tokens[index].start) == 0 and begins_function(self._tokens, index):
                break
        return index

    def _report_unexpected(self, index: int) -> None:
        token = self._tokens[index]
        message = f"syntax error, unexpected {described(token)}"
        expected = self._expected()
        if expected:
            message += f", expecting {expected}"
        self._report_at("LPC2001", message, token, hint=self._misspelt(index))

    def _misspelt(self, index: int) -> str | None:
        """A hint where the name before a token that does not fit, or before a `( … ) {`, looks like a keyword."""
        word = self._previous(index)
        if self._tokens[index].type == "LBRACE" and word is not None and word.type == "RPAR":
            depth = 0
            while index and (depth or word.type == "RPAR"):
                index -= 1
                word = self._tokens[index]
                depth += (word.type == "RPAR") - (word.type in ("LPAR", "LFUNCTIONAL"))
            word = self._previous(index)
        if word is None or word.type != "IDENTIFIER":
            return None
        close = get_close_matches(word.value, KEYWORDS, 1, 0.75)
        return f"did you mean '{close[0]}'?" if close else None

    def _expected(self) -> str:
        """What would fit, in words; "" where that is too much to say."""
        fits = self._machine.expected()
        words = []
        if fits >= EXPRESSION_SIGNS:
            words.append("a statement" if fits >= STATEMENT_SIGNS else "an expression")
        elif "INHERIT" in fits:
            words.append("a definition")
        elif fits >= EXPRESSION_SIGNS - {"INT"}:
            words.append("a variable")
        elif fits >= OPERATOR_SIGNS:
            words += [f"'{SPELLING[kind]}'" for kind in sorted(fits & ENDING_SIGNS)]
        else:
            words += [DESCRIPTION.get(kind) or f"'{SPELLING[kind]}'"
                      for kind in sorted(fits) if kind in SPELLING or kind in DESCRIPTION]
        return " or ".join(words) if 0 < len(words) <= 4 else ""

    # ------------------------------------------------------------------------------------ looking around

    def _previous(self, index: int) -> Token | None:
        return self._tokens[index - 1] if index else None

    def _begins_line(self, index: int) -> bool:
        return index == 0 or line_of(self._tokens[index - 1].end) != line_of(self._tokens[index].start)

    def _brackets(self) -> list[Bracket]:
        """The brackets that are open, outermost first."""
        found: list[Bracket] = []
        for height, value in enumerate(self._machine.values):
            if type(value) is Token:
                if value.type in CLOSER:
                    found.append(Bracket(height, value))
                elif value.type in CLOSERS and found:
                    found.pop()
            elif type(value) is ParameterScope:
                found.append(Bracket(height, value.opener))
        return found

    def _is_block(self, bracket: Bracket) -> bool:
        """Whether it is the brace of a block, a switch body or a class, and not of an array."""
        if bracket.kind != "LBRACE":
            return False
        inside = self._machine.states[bracket.height + 1]
        return "statements" in inside or "switch_items" in inside or "members" in inside

    def _innermost(self) -> Bracket | None:
        brackets = self._brackets()
        return brackets[-1] if brackets else None

    def _in_head_of(self, bracket: Bracket, keyword: str) -> bool:
        """Whether the bracket opens the head of a `for`, `foreach` …"""
        before = self._machine.values[bracket.height - 1] if bracket.height else None
        return type(before) is Token and before.type == keyword

    def _skip_group(self, index: int) -> int:
        """The index behind the bracket that closes the one at `index` (the end of the file where none does)."""
        depth = 0
        while self._tokens[index].type != END:
            kind = self._tokens[index].type
            if kind in CLOSER or kind == "LFUNCTIONAL":
                depth += 1
            elif kind in CLOSERS:
                depth -= 1
                if depth <= 0:
                    return index + 1
            index += 1
        return index

    def _end_of_item(self, index: int) -> int:
        """The next `,`, `;` or closing bracket outside of brackets."""
        while (kind := self._tokens[index].type) not in CLOSERS and kind not in ("COMMA", "SEMICOLON", END):
            index = self._skip_group(index) if kind in CLOSER or kind == "LFUNCTIONAL" else index + 1
        return index

    def _end_of_line(self, index: int) -> int:
        """The next `;` or brace: up to there, mistakes may be consequences of a guess."""
        while self._tokens[index].type not in ("SEMICOLON", "LBRACE", "RBRACE", END):
            index += 1
        return index

    def _closes_later(self, index: int) -> bool:
        """Whether a bracket that is open now is closed before the next `;` or block."""
        depth = 0
        while (kind := self._tokens[index].type) not in ("SEMICOLON", END):
            if kind in CLOSER or kind == "LFUNCTIONAL":
                depth += 1
            elif kind in CLOSERS:
                depth -= 1
                if depth < 0:
                    return kind != "RBRACE"
            index += 1
        return False

    # ------------------------------------------------------------------------------- moving the machine

    def _enter_block(self) -> None:
        """Where the mistake is the first token of a block, begin its list, as any token that fits would have done."""
        for symbol in ("statements", "switch_items", "members"):
            if symbol in self._machine.states[-1]:
                self._machine.push(symbol, [])

    def _cut(self, height: int) -> None:
        """Forget what is above, and with it the functionals that were open there."""
        self._machine.cut(height)
        self._actions.scope = None
        for value in reversed(self._machine.values):
            scope = value[0] if type(value) is tuple and value else value
            if type(scope) is ParameterScope:
                self._actions.scope = scope
                return

    def _feed(self, kind: str, at: Position, value: object = None) -> bool:
        return self._machine.feed(Token(kind, SPELLING.get(kind, "") if value is None else value, at, at))

    # ------------------------------------------------------------------- repairs: (index, item) -> index or None

    def _foreign_word(self, index: int, item_begin: int) -> int | None:
        """`static int x;`, `status x;`, `strng s;`: a name where a modifier or type belongs."""
        word, token = self._previous(index), self._tokens[index]
        machine = self._machine
        if word is None or word.type != "IDENTIFIER" or not machine.values or machine.values[-1] is not word:
            return None
        if "type" not in machine.states[-2] or token.type not in TYPE_WORDS | {"IDENTIFIER", "MODIFIER"}:
            return None
        known = FOREIGN.get(word.value)
        if known is None and (token.type != "IDENTIFIER" or self._begins_line(index)):
            return None
        hint = self._misspelt(index)
        if known is not None:
            self._report_at("LPC2006", known, word)
        elif hint is not None and KEYWORDS[hint.split("'")[1]] not in TYPE_WORDS:
            self._report_at("LPC2001", f"syntax error, unexpected {described(token)}", token, hint=hint)
        else:
            self._report_at("LPC2006", f"'{word.value}' is not a type", word, hint=hint)
            self._unsure = (index, self._end_of_line(index))
        self._cut(len(machine.values) - 1)
        if not machine.accepts(token.type):
            self._feed("BASIC_TYPE", word.start, "mixed")
        elif token.type == "IDENTIFIER" and machine.accepts("BASIC_TYPE", "IDENTIFIER"):
            self._feed("BASIC_TYPE", word.start, "mixed")
        return index if machine.accepts(token.type) else self._panic(index)

    def _file_level(self, index: int, item_begin: int) -> int | None:
        """A statement outside of functions is parsed as one, so that it costs one message."""
        machine, tokens = self._machine, self._tokens
        mark = tokens[index]
        if machine.stopped:
            return None
        if not machine.at_item and machine.accepts("TOPLEVEL", mark.type):
            machine.feed(Token("TOPLEVEL", "", mark.start, mark.start))
            self._report_file_level(index)
            return index
        inside = machine.values[1] if len(machine.values) > 1 else None
        if type(inside) is Token and inside.type == "TOPLEVEL" or not self._is_statement(index, item_begin):
            return None
        if any(bracket.kind == "LBRACE" for bracket in self._brackets()):
            return None
        self._report_file_level(item_begin)
        self._unsure = (index, index)
        self._cut(1)
        machine.feed(Token("TOPLEVEL", "", mark.start, mark.start))
        return item_begin

    def _is_statement(self, index: int, item_begin: int) -> bool:
        """Whether the item that begins at `item_begin` is a statement."""
        tokens = self._tokens
        kind = tokens[item_begin].type
        following = tokens[item_begin + 1].type if item_begin + 1 < len(tokens) else END
        if kind == "IDENTIFIER":
            if following == "LPAR":
                return index > item_begin + 1 and not is_function_with_body(tokens, item_begin)
            return following in STATEMENT_SUFFIXES
        if kind in ("BASIC_TYPE", "FUNCTION"):
            return following == "SCOPE"
        return kind in STATEMENT_WORDS or kind in STATEMENT_BEGINNINGS

    def _report_file_level(self, begin: int) -> None:
        tokens = self._tokens
        declarations = len(self._machine.values[0])
        if tokens[begin].type == "LBRACE" and [token.type for token in tokens[max(0, begin - 2):begin]] == [
                "RPAR", "SEMICOLON"]:
            self._report_at("LPC2001", "this ';' ends the function before its body", tokens[begin - 1])
        elif declarations != self._astray:
            self._report_at("LPC2007", "a statement cannot stand at file level: put it into a function", tokens[begin])
        self._astray = declarations

    def _unclosed_brace(self, index: int, item_begin: int) -> int | None:
        """A function begins, or the file ends, where a block or class is still open."""
        tokens = self._tokens
        brackets = self._brackets()
        if not any(self._is_block(bracket) for bracket in brackets):
            return None
        if tokens[index].type == END:
            begin = index
            self._report_at("LPC2003", "syntax error, unexpected end of file, expecting '}'", tokens[index],
                            notes=self._opened(brackets, item_begin, index))
        else:
            begin = self._definition_before(index, item_begin)
            if begin < 0:
                return None
            self._report_at("LPC2003", "expected '}' before this definition", tokens[begin],
                            notes=self._opened(brackets, item_begin, begin))
        self._close_all(tokens[begin].start)
        return begin

    def _definition_before(self, index: int, item_begin: int) -> int:
        """Where the definition begins in which `index` stands, -1 if there is none within the item."""
        tokens = self._tokens
        begin = index
        while begin > item_begin:
            before = tokens[begin - 1].type
            if before in _ENDS or self._begins_line(begin) and before != "MODIFIER" and before not in TYPE_WORDS:
                break
            begin -= 1
        if begin <= item_begin or not begins_function(tokens, begin):
            return -1
        is_statement = tokens[begin + 1].type == "LPAR" and get_close_matches(tokens[begin].value, _HEADS, 1, 0.8)
        return -1 if is_statement else begin

    def _opened(self, brackets: list[Bracket], begin: int, end: int) -> list[Note]:
        """A note on the bracket that is probably not closed: the innermost, or a brace whose partner is indented
        in another way than its line."""
        suspect = brackets[-1].token
        if self._is_block(brackets[-1]):
            suspect = self._badly_indented(begin, end) or suspect
        return [_opened_at(suspect)]

    def _badly_indented(self, begin: int, end: int) -> Token | None:
        tokens = self._tokens
        indentation = column_of(tokens[begin].start)
        braces: list[tuple[Token, int]] = []
        for index in range(begin, end):
            token = tokens[index]
            first = self._begins_line(index)
            if first:
                indentation = column_of(token.start)
            if token.type == "LBRACE":
                braces.append((token, indentation))
            elif token.type == "RBRACE" and braces:
                opener, wanted = braces.pop()
                if first and indentation != wanted:
                    return opener
        return None

    def _close_all(self, at: Position) -> None:
        """Close every block and class that is open, leaving out an unfinished statement in the innermost."""
        machine = self._machine
        height = len(machine.values)
        while height > 1 and not machine.accepts_at(height, "RBRACE"):
            height -= 1
        self._cut(height)
        while not machine.accepts(END):
            if not self._feed("RBRACE", at):
                self._cut(1)

    def _semicolon(self, index: int, item_begin: int) -> int | None:
        """A `;` is missing before this token."""
        previous, token = self._previous(index), self._tokens[index]
        if previous is None or not self._machine.accepts("SEMICOLON", token.type):
            return None
        if token.type == "LPAR" and not self._begins_line(index):
            return None
        innermost = self._innermost()
        sure = (self._begins_line(index) or token.type in AFTER_SEMICOLON or token.type in STATEMENT_WORDS
                or innermost is not None and self._in_head_of(innermost, "FOR"))
        if sure:
            self._report_after("LPC2002", "expected ';' after this", previous)
        else:
            self._report_unexpected(index)
            self._unsure = (index, self._end_of_line(index))
        self._feed("SEMICOLON", previous.end)
        return index

    def _closer(self, index: int, item_begin: int) -> int | None:
        """A `)`, `]` or `})` is missing before this token."""
        previous, token = self._previous(index), self._tokens[index]
        brackets = self._brackets()[-_MOST_CLOSERS:]
        if previous is None or not brackets:
            return None
        in_head = any(self._in_head_of(brackets[-1], word) for word in HEAD_WORDS)
        if token.type not in AFTER_CLOSER and token.type not in STATEMENT_WORDS and not (
                (in_head or self._begins_line(index)) and not self._closes_later(index)):
            return None
        if token.type == "SEMICOLON" and self._machine.accepts("COMMA") and self._closes_later(index + 1):
            self._report_unexpected(index)
            self._feed("COMMA", token.start)
            return index + 1
        closers: list[str] = []
        for bracket in reversed(brackets):
            if self._is_block(bracket):
                return None
            closers += ("COLON", "RPAR") if bracket.kind == "LFUNCTIONAL" else (CLOSER[bracket.kind],)
            for ending in ((), ("SEMICOLON",)):
                if self._machine.accepts(*closers, *ending, token.type):
                    return self._close(index, bracket, [*closers, *ending])
        return None

    def _close(self, index: int, bracket: Bracket, closers: list[str]) -> int:
        previous = self._tokens[index - 1]
        inner = self._machine.values[bracket.height + 1] if bracket.height + 1 < len(self._machine.values) else None
        opener = bracket.token.value
        if bracket.kind == "LPAR" and type(inner) is Token and inner.type in ("LBRACE", "LSQB"):
            opener += inner.value
        missing = "".join(SPELLING[kind] for kind in closers)
        self._report_after("LPC2003", f"expected '{missing}' after this", previous,
                           [_opened_at(bracket.token, opener)])
        for kind in closers:
            self._feed(kind, previous.end)
        return index

    def _stray_closer(self, index: int, item_begin: int) -> int | None:
        """A closing bracket that closes nothing is left out, or taken for the one that should stand there."""
        token = self._tokens[index]
        if token.type not in CLOSERS:
            return None
        innermost = self._innermost()
        if innermost is not None and not self._is_block(innermost) and innermost.kind in CLOSER:
            wanted = CLOSER[innermost.kind]
            if wanted != token.type and self._machine.accepts(wanted, self._tokens[index + 1].type):
                self._report_at("LPC2003", f"expected '{SPELLING[wanted]}' instead of '{token.value}'", token,
                                notes=[_opened_at(innermost.token)])
                self._feed(wanted, token.start)
                return index + 1
        for bracket in reversed(self._brackets()):
            if CLOSER.get(bracket.kind, "RPAR") == token.type:
                return None
            if self._is_block(bracket):
                break
        else:
            if token.type == "RBRACE" and not self._machine.at_item and not self._machine.accepts(END):
                return None
        if not (token.type == "RBRACE" and self._astray == len(self._machine.values[0])):
            opener = next(SPELLING[kind] for kind, closer in CLOSER.items() if closer == token.type)
            self._report_at("LPC2004", f"unexpected '{token.value}': no '{opener}' is open", token)
        return index + 1

    def _misplaced_word(self, index: int, item_begin: int) -> int | None:
        """`else`, `case` and `default` where they mean nothing."""
        token = self._tokens[index]
        if token.type == "ELSE":
            self._report_at("LPC2005", "'else' without 'if'", token)
            return index + 1
        if token.type not in LABEL_WORDS or not self._machine.accepts("BREAK"):
            return None
        end = index + 1
        while self._tokens[end].type not in ("COLON", "SEMICOLON", "LBRACE", "RBRACE", END):
            end += 1
        if self._tokens[end].type != "COLON":
            return None
        self._report_at("LPC2012", f"'{token.value}' must stand directly in the body of a 'switch'", token)
        return end + 1

    def _reserved_name(self, index: int, item_begin: int) -> int | None:
        """A reserved word is taken as the name it was meant to be."""
        previous, token, machine = self._previous(index), self._tokens[index], self._machine
        if previous is not None and previous.type in NAME_LIKE and index - 1 > item_begin:
            top = machine.values[-1]
            height = len(machine.values) - 1
            if type(top) is Token and top.start == previous.start and machine.accepts_at(
                    height, "IDENTIFIER", token.type):
                self._report_at("LPC2018", f"'{previous.value}' is a reserved word: it cannot be a name", previous)
                self._cut(height)
                machine.feed(Token("IDENTIFIER", previous.value, previous.start, previous.end))
                return index
        if token.type not in RESERVED or token.type == END or not machine.accepts("IDENTIFIER"):
            return None
        if machine.accepts("INT") and token.type not in NAME_LIKE:
            return None
        if not machine.accepts("IDENTIFIER", self._tokens[index + 1].type):
            return None
        self._report_at("LPC2018", f"'{token.value}' is a reserved word: it cannot be a name", token)
        machine.feed(Token("IDENTIFIER", token.value, token.start, token.end))
        return index + 1

    def _declarator(self, index: int, item_begin: int) -> int | None:
        """C's way to declare arrays and pointers, and initialisers with another operator than `=`."""
        previous, token, machine = self._previous(index), self._tokens[index], self._machine
        if previous is None:
            return None
        if token.type == "STAR" and previous.type == "STAR" and machine.accepts("IDENTIFIER"):
            self._report_at("LPC2013", "LPC has one '*' only: a 'mixed *' can hold arrays", token)
            return index + 1
        if previous.type != "IDENTIFIER" or machine.values[-1] is not previous:
            return None
        if token.type == "LSQB" and not machine.accepts("BINARY_OP"):
            self._report_at("LPC2013", f"an array is declared with a star: '*{previous.value}'", token)
            return self._skip_group(index)
        if token.type == "ASSIGN_OP" and machine.accepts("ASSIGN"):
            self._report_at("LPC2013", "Only '=' is allowed in initializers.", token)
            self._feed("ASSIGN", token.start)
            return index + 1
        return None

    def _form(self, index: int, item_begin: int) -> int | None:
        """Forms of other languages and of other LPC dialects."""
        previous, token, machine = self._previous(index), self._tokens[index], self._machine
        if previous is None:
            return None
        if previous.type == "ARROW" and token.type in ("STRING", "LPAR"):
            self._report_at("LPC2014", "a name must follow '->': use call_other(object, function, …)", token)
            self._feed("IDENTIFIER", token.start, "")
            return index + 1 if token.type == "STRING" else self._skip_group(index)
        if token.type == "LPAR" and machine.accepts("BINARY_OP"):
            self._report_at("LPC2014", "only a name or an index can be called: use evaluate(function, …)", token)
            return self._skip_group(index)
        if token.type in ("ASSIGN", "ASSIGN_OP") and machine.accepts("BINARY_OP"):
            self._feed("BINARY_OP", token.start, "+")
            target = machine.values[-2]
            operand = target[-1] if isinstance(target, list) else target
            self._report("LPC2008", "Illegal lvalue", operand.start, operand.end)
            return index + 1
        if token.type == "ASSIGN" and machine.accepts("COLON", "LFUNCTIONAL"):
            self._report_at("LPC2014", "the default of a parameter is written ': (: value :)'", token)
            return self._end_of_item(index)
        if token.type == "ELLIPSIS" and machine.accepts("BASIC_TYPE") and not machine.accepts("INT"):
            self._report_at("LPC2014", "'...' must follow the last parameter: 'mixed *rest...'", token)
            self._feed("IDENTIFIER", token.start, "")
            return index
        if token.type == "LBRACE" and machine.accepts("INT") and not machine.accepts("BREAK"):
            self._report_at("LPC2014", "an array is written '({ … })'", token)
            self._feed("INT", token.start, 0)
            return self._skip_group(index)
        return None

    def _missing_token(self, index: int, item_begin: int) -> int | None:
        """One token that would make this one fit is put in."""
        previous, token, machine = self._previous(index), self._tokens[index], self._machine
        innermost = self._innermost()
        if previous is None:
            return None
        if machine.accepts("IN") and (token.type == "COLON" or machine.accepts("IN", token.type)):
            self._report_unexpected(index)
            self._feed("IN", token.start)
            return index + 1 if token.type == "COLON" else index
        if previous.type in HEAD_WORDS and machine.accepts("LPAR", token.type):
            self._report_after("LPC2001", f"expected '(' after '{previous.value}'", previous)
            self._unsure = (index + 1, self._end_of_line(index))
            self._feed("LPAR", token.start)
            return index
        if innermost is not None and not self._is_block(innermost) and machine.accepts("COMMA", token.type):
            self._report_unexpected(index)
            self._feed("COMMA", token.start)
            return index
        return None

    # -------------------------------------------------------------------------------------------- panic

    def _panic(self, index: int) -> int:
        """Leave out what surrounds the mistake, as little as possible; the index to go on with."""
        tokens = self._tokens
        open_here = self._brackets()
        inside = _Skipped()
        begin = index
        while (kind := tokens[index].type) != END:
            if kind in CLOSER or kind == "LFUNCTIONAL":
                inside.open(kind)
            elif kind in CLOSERS:
                resumed = self._panic_closer(index, inside, open_here)
                if resumed is not None:
                    return resumed
            elif kind == "SEMICOLON" and not inside.braces:
                if not (open_here and self._in_head_of(open_here[-1], "FOR")):
                    return self._leave_statement(index + 1)
            elif index > begin and self._begins_line(index) and not inside.braces:
                if kind in STATEMENT_WORDS and self._statement_place(kind):
                    return self._leave_statement(index)
                if column_of(tokens[index].start) == 0 and begins_function(tokens, index):
                    self._cut(1)
                    return index
            index += 1
        self._cut(1)
        return index

    def _panic_closer(self, index: int, inside: _Skipped, open_here: list[Bracket]) -> int | None:
        """A closing bracket ends what is left out if it belongs to a bracket that the machine has open."""
        kind = self._tokens[index].type
        if inside.kinds:
            inside.close(kind)
            if not inside.kinds and kind == "RBRACE" and (not open_here or self._is_block(open_here[-1])):
                return self._leave_statement(index + 1)
            return None
        while open_here and CLOSER.get(open_here[-1].kind, "RPAR") != kind and not self._is_block(open_here[-1]):
            open_here.pop()
        if not open_here or CLOSER.get(open_here[-1].kind, "RPAR") != kind:
            return None
        if not self._is_block(open_here[-1]):
            bracket = open_here.pop()
            return index if self._empty(bracket, index) else None
        if self._statement_place(kind):
            return self._leave_statement(index)
        self._cut(1)
        return index + 1

    def _empty(self, bracket: Bracket, index: int) -> bool:
        """Go on inside a bracket as if nothing wrong had stood in it; False (and no change) if that is not possible."""
        machine, token = self._machine, self._tokens[index]
        states, values = list(machine.states), list(machine.values)
        self._cut(bracket.height + 1)
        at = bracket.token.end
        if self._in_head_of(bracket, "FOR"):
            self._feed("SEMICOLON", at)
            self._feed("SEMICOLON", at)
        elif self._in_head_of(bracket, "FOREACH"):
            machine.push("foreach_variables", [])
            self._feed("IN", at)
        count = next((count for word, count in LEAST_ARGUMENTS.items() if self._in_head_of(bracket, word)), 0)
        for symbol, value in _placeholders(at, token.start, count):
            if symbol in machine.states[-1]:
                machine.push(symbol, value)
                if machine.accepts(token.type):
                    return True
                machine.cut(len(machine.values) - 1)
        if machine.accepts(token.type):
            return True
        machine.states[:] = states
        machine.values[:] = values
        self._cut(len(values))
        return False

    def _statement_place(self, kind: str) -> int:
        """The height of the innermost place for a statement (or class member) that `kind` may follow; 0 if none."""
        machine = self._machine
        for height in range(len(machine.values), 1, -1):
            state = machine.states[height]
            if "statement" in state and machine.accepts_at(height, "statement", kind):
                return height
            if "members" not in state and "RBRACE" in state and "type" in state and kind in state:
                return height
        return 0

    def _leave_statement(self, index: int) -> int:
        """Go on at `index` with an empty statement in place of the one with the mistake (or at file level)."""
        token = self._tokens[index]
        height = self._statement_place(token.type) or self._statement_place("RBRACE")
        self._cut(height or 1)
        if height and "statement" in self._machine.states[-1]:
            at = self._tokens[index - 1].end
            self._machine.push("statement", nodes.Empty(at, at))
        if self._tokens[index - 1].type != "SEMICOLON":
            self._unsure = (index, index)
        return index


def _placeholders(start: Position, end: Position, count: int) -> list[tuple[str, Any]]:
    """What may stand for the inside of a bracket, by nonterminal; argument lists get `count` values."""
    value = nodes.IntLiteral(start, end, 0)
    return [("expression", value), ("arguments", [value] * count), ("items", [value] * count), ("pairs", []),
            ("parameters", Parameters([], None))]


def _opened_at(token: Token, spelling: str = "") -> Note:
    return Note(f"unclosed '{spelling or token.value}' opened here", token.start, token.end)
