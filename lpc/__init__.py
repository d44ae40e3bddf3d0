"""pylpc: LPC compiled to Python code objects.

The public names. Each is imported when it is first asked for, so that `import lpc` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from lpc.driver.clock import ManualClock
    from lpc.driver.config import Config
    from lpc.driver.driver import Driver
    from lpc.driver.permissions import Permissions
    from lpc.errors import CompileError, ConfigError, LPCError, LPCFault
    from lpc.runtime.budget import Limits

_HOMES = {
    "CompileError": "lpc.errors", "Config": "lpc.driver.config", "ConfigError": "lpc.errors",
    "Driver": "lpc.driver.driver", "LPCError": "lpc.errors", "LPCFault": "lpc.errors",
    "Limits": "lpc.runtime.budget", "ManualClock": "lpc.driver.clock", "Permissions": "lpc.driver.permissions",
}

__all__ = [
    "CompileError", "Config", "ConfigError", "Driver", "LPCError", "LPCFault", "Limits", "ManualClock", "Permissions",
    "__version__",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'lpc' has no attribute '{name}'")
    return getattr(import_module(home), name)
