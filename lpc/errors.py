"""Every exception of the project, in one tree.

    LPCError                  an error LPC code can catch(); `value` is what catch() gives
      BadArgument             an efun or operator was handed the wrong type
    LPCStop                   ends an evaluation; catch() does not see it
      EvaluationLimit         the evaluation budget (time or memory) is spent
      Shutdown                shutdown() was called: unwind to the driver
    CompileError              a program did not compile; holds all its diagnostics
    LPCFault                  what Driver.call raises to the host: value, message and LPC trace
    EfunCrash                 our own defect inside an efun or a callback
    ConfigError               unusable configuration or command line
    FileRefused               (an OSError) the sandbox or the master refused a path

LPC never sees a Python exception, and Python never sees an LPC one except as `LPCFault`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lpc.diagnostics import Diagnostic


class LPCError(Exception):
    """An LPC run-time error. `value` is what catch() yields: "*message\\n", or what throw() was given."""

    def __init__(self, message: str, *, value: Any = None) -> None:
        super().__init__(message)
        if value is None:
            value = f"*{message}" if message.endswith("\n") else f"*{message}\n"
        self.value = value


class Thrown(LPCError):
    """throw(value): an arbitrary value on its way to the enclosing catch."""

    def __init__(self, value: Any) -> None:
        super().__init__("Throw with no catch.", value=value)


class BadArgument(LPCError):
    """A wrong argument: FluffOS's `Bad argument N to f()` with what was expected and what came."""


class LPCStop(Exception):  # noqa: N818 - not an error of the program
    """Ends the evaluation; nothing in LPC can catch it."""


class EvaluationLimit(LPCStop):
    """The evaluation budget is spent."""


class Shutdown(LPCStop):
    """shutdown() was called."""

    def __init__(self, code: int = 0) -> None:
        super().__init__(f"shutdown({code})")
        self.code = code


class CompileError(Exception):
    """A program did not compile. `diagnostics` are all of them, in source order."""

    def __init__(self, path: str, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__(f"Error in loading object '{path}'")
        self.path = path
        self.diagnostics = list(diagnostics)


class LPCFault(Exception):  # noqa: N818 - the public name
    """An uncaught LPC error as the host sees it.

    `value` is the LPC value of the error (a string starting with "*" for ordinary ones), `message` its
    text, `trace` the LPC frames (see lpc.runtime.trace.Frame), outermost first.
    """

    def __init__(self, message: str, value: Any, trace: Sequence[Any] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.value = value
        self.trace = list(trace)


class EfunCrash(Exception):  # noqa: N818 - a defect, not an LPC error
    """Our own defect inside an efun; logged once with its Python trace, an LPC error to the program."""


class FileRefused(PermissionError):
    """A path LPC may not touch. The text says who refused, and which flag would allow it where one would."""


class ConfigError(Exception):
    """Unusable configuration: the text says which setting and what it accepts."""
