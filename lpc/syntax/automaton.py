"""The LR machine: a stack of states, a stack of values and a loop over tokens.

A state is a dict from a symbol to a move: another dict (go there), a (count, action, result) tuple (replace
the top values by what the action makes of them), or a string (pass the only value on as that symbol).
The states are built once from the generated table and never changed. Which token is a mistake is found
here; what to do about it is recovery.py's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import length_hint
from typing import Any, Final

from lpc.syntax.table import LOOKAHEADS, REDUCTIONS, STATES
from lpc.syntax.tokens import Token

#: symbol -> State | (minus the number of values, index of the action, result) | result. Any: it refers to itself.
State = dict[str, Any]

#: The names of all actions; a machine's actions come in this order.
ACTION_NAMES: Final = tuple(sorted({action for _, action, _ in REDUCTIONS if action}))

END: Final = "$END"


def _load() -> State:
    """Link the table's rows; the start state reaches all others."""
    indices = {name: index for index, name in enumerate(ACTION_NAMES)}
    reductions = [(-size, indices[action], result) if action else result for size, action, result in REDUCTIONS]
    lookaheads = [terminals.split() for terminals in LOOKAHEADS]
    states: list[State] = [{} for _ in STATES]
    for state, (gotos, reduces) in zip(states, STATES, strict=True):
        for reduction, lookahead in reduces:
            state.update(dict.fromkeys(lookaheads[lookahead], reductions[reduction]))
        for symbol, target in gotos.items():
            state[symbol] = states[target]
    return states[0]


START: Final = _load()

#: The state in which an item of the file begins.
_ITEM: Final[State] = START["program"]


class Machine:
    """One run of the automaton over `tokens`. `values[i]` is what brought it from `states[i]` to `states[i + 1]`.

    `values` comes with the value of the empty program, with which every run begins. A machine with
    `stop_at_items` takes nothing but TOPLEVEL where an item of the file may begin, so that somebody else
    decides what it is; `begin_definition` lets a definition through.
    """

    def __init__(self, tokens: Sequence[Token], actions: Sequence[Callable[..., Any]], values: list[Any], *,
                 stop_at_items: bool) -> None:
        self.tokens = tokens
        self.values = values
        self._actions = actions
        self._coming = iter(range(0))
        self._stop: State = {symbol: _ITEM[symbol] for symbol in ("TOPLEVEL", END)} if stop_at_items else _ITEM
        self.states: list[State] = [{**START, "program": self._stop}, self._stop]

    @property
    def at_item(self) -> bool:
        """Whether nothing is open: the next token begins an item of the file."""
        return len(self.states) == 2

    @property
    def index(self) -> int:
        """The index of the token `run` has come to."""
        return len(self.tokens) - length_hint(self._coming) - 1

    @property
    def stopped(self) -> bool:
        """Whether it stopped at an item that nobody has decided about."""
        return self.at_item and self.states[1] is not _ITEM

    def begin_definition(self) -> None:
        """Let a definition through where the machine stopped at an item."""
        self.states[1] = _ITEM

    def run(self, begin: int) -> int | None:
        """Take the tokens from `begin` on; the index of the first that does not fit, or None."""
        self._coming = iter(range(begin, len(self.tokens)))
        return self._run(self.tokens, self._coming)

    def feed(self, token: Token) -> bool:
        """Take one token that is not in the file; whether it fits."""
        return self._run((token,), (0,)) is None

    def _run(self, tokens: Sequence[Token], indices: Iterable[int]) -> int | None:
        states, values, actions = self.states, self.values, self._actions
        state = states[-1]
        for index in indices:
            token = tokens[index]
            kind = token.type
            while True:
                try:
                    move = state[kind]
                except KeyError:
                    return index
                if type(move) is tuple:
                    low, action, result = move
                    if low == -1:
                        values[-1] = actions[action](values[-1])
                        states[-1] = state = states[-2][result]
                    elif low:
                        value = actions[action](*values[low:])
                        del values[low:], states[low:]
                        values.append(value)
                        state = states[-1][result]
                        states.append(state)
                    else:
                        values.append(actions[action]())
                        state = state[result]
                        states.append(state)
                elif type(move) is dict:
                    states.append(move)
                    values.append(token)
                    state = move
                    break
                else:
                    states[-1] = state = states[-2][move]
        return None

    def push(self, symbol: str, value: Any) -> None:
        """Go on as if `symbol` had just been parsed, with this value."""
        self.states.append(self.states[-1][symbol])
        self.values.append(value)

    def cut(self, height: int) -> None:
        """Forget all but the lowest `height` values."""
        del self.values[height:]
        del self.states[height + 1:]
        if height == 1:
            self.states[1] = self._stop

    def accepts(self, *kinds: str) -> bool:
        """Whether tokens of these kinds could come next, in this order."""
        return self.accepts_at(len(self.values), *kinds)

    def expected(self) -> set[str]:
        """The terminals that could come next."""
        return {symbol for symbol in self.states[-1] if (symbol.isupper() or symbol == END) and self.accepts(symbol)}

    def accepts_at(self, height: int, *symbols: str) -> bool:
        """Whether these symbols could come above the lowest `height` values. Runs no actions."""
        states = self.states
        height += 1  # how much of the real stack is left below `added`
        added: list[State] = []
        state = states[height - 1]
        for symbol in symbols:
            while type(move := state.get(symbol)) is not dict:
                if move is None:
                    if state is not self._stop or state is _ITEM:
                        return False
                    # Where it stops at an item, it goes on as it would after the decision about it.
                    if symbol not in _ITEM:
                        state = _ITEM["TOPLEVEL"]
                    elif added:
                        added.pop()
                        state = _ITEM
                    else:
                        height -= 1
                        state = _ITEM
                    added.append(state)
                    continue
                size, result = (1, move) if type(move) is str else (-move[0], move[2])
                while size and added:
                    added.pop()
                    size -= 1
                height -= size
                state = (added[-1] if added else states[height - 1])[result]
                added.append(state)
            state = move
            added.append(state)
        return True
