"""What LPC can ask about its driver: predefined macros, and the options of get_config().

Names are FluffOS's, because mudlibs branch on them. `__LINE__`, `__FILE__` and `__DIR__` belong to the
preprocessor; the macros of efun packages (`__PACKAGE_SOCKETS__`, the socket modes) come with the packages.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lpc import __version__
from lpc.runtime.values import INT_MAX, INT_MIN, UNDEFINED, Value

if TYPE_CHECKING:
    from lpc.driver.config import Config
    from lpc.runtime.budget import Limits

#: The same for every driver. MIN_INT is FluffOS's, one above the least int: that is what its lexer reads in the digits.
_ALWAYS: Mapping[str, str] = {
    "MUDOS": "", "FLUFFOS": "", "__PYLPC__": "1",
    "SIZEOFINT": "8", "MAX_INT": str(INT_MAX), "MIN_INT": str(INT_MIN + 1),
    "MAX_FLOAT": repr(sys.float_info.max), "MIN_FLOAT": repr(sys.float_info.min),
    "HAS_PRINTF": "", "__SAVE_EXTENSION__": '".o"', "__SAVE_GZ_EXTENSION__": '".o.gz"',
    "__SENSIBLE_MODIFIERS__": "", "__REF_RESERVED_WORD__": "", "__STRUCT_CLASS__": "", "__CALLOUT_HANDLES__": "",
    "__FUNCTION_POINTERS__": "", "__SANE_EXPLODE_STRING__": "", "__SANE_SORTING__": "", "__PRIVS__": "",
    "__ARGUMENTS_IN_TRACEBACK__": "", "__LOCALS_IN_TRACEBACK__": "", "__HAS_RUSAGE__": "",
    "__CLASS_STATS__": "", "__ARRAY_STATS__": "", "__GET_CHAR_IS_BUFFERED__": "",
    "__INTERACTIVE_CATCH_TELL__": "", "__RECEIVE_SNOOP__": "",
}


def configured_macros(settings: Config) -> dict[str, str]:
    """The predefined macros of a driver with these settings."""
    macros = dict(_ALWAYS)
    macros["__VERSION__"] = _quoted(f"pylpc {__version__}")
    macros["__ARCH__"] = _quoted(sys.platform)
    macros["__COMPILER__"] = _quoted(f"Python {sys.version_info.major}.{sys.version_info.minor}")
    macros["MUD_NAME"] = _quoted(settings.name)
    macros["__PORT__"] = settings.ports[0].partition(" ")[0] if settings.ports else "0"
    if settings.error_handler:
        macros["__MUDLIB_ERROR_HANDLER__"] = ""
    if settings.player_in_call_out:
        macros["__THIS_PLAYER_IN_CALL_OUT__"] = ""
    return macros


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


# ---------------------------------------------------------------------- get_config()

_Getter = Callable[["Config", "Limits"], Any]

#: The options in the order of their numbers: macro of <runtime_config.h> and how its value is found.
RUNTIME_OPTIONS: tuple[tuple[str, _Getter], ...] = (
    ("__MUD_NAME__", lambda settings, limits: settings.name),
    ("__MASTER_FILE__", lambda settings, limits: settings.master or ""),
    ("__SIMUL_EFUN_FILE__", lambda settings, limits: settings.simul_efun or ""),
    ("__INCLUDE_DIRS__", lambda settings, limits: ":".join(settings.include)),
    ("__GLOBAL_INCLUDE_FILE__", lambda settings, limits: settings.global_include or ""),
    ("__LOG_DIR__", lambda settings, limits: settings.settings.get("log directory", "/log")),
    ("__DEBUG_LOG_FILE__", lambda settings, limits: settings.settings.get("debug log file", "debug.log")),
    ("__DEFAULT_ERROR_MESSAGE__", lambda settings, limits: settings.settings.get("default error message", "")),
    ("__DEFAULT_FAIL_MESSAGE__", lambda settings, limits: settings.settings.get("default fail message", "What?\n")),
    ("__MUD_IP__", lambda settings, limits: settings.settings.get("mud ip", "")),
    ("__MUD_PORT__", lambda settings, limits: int(settings.ports[0].partition(" ")[0]) if settings.ports else 0),
    ("__MAX_EVAL_COST__", lambda settings, limits: int(limits.evaluation_time * 1_000_000)),
    ("__MAX_ARRAY_SIZE__", lambda settings, limits: limits.array_size),
    ("__MAX_MAPPING_SIZE__", lambda settings, limits: limits.mapping_size),
    ("__MAX_STRING_LENGTH__", lambda settings, limits: limits.string_length),
    ("__MAX_BUFFER_SIZE__", lambda settings, limits: limits.buffer_size),
    ("__MAX_READ_FILE_SIZE__", lambda settings, limits: limits.read_file_size),
    ("__MAX_CALL_DEPTH__", lambda settings, limits: limits.call_depth),
    ("__INHERIT_CHAIN_SIZE__", lambda settings, limits: limits.inherit_depth),
    ("__RC_MUDLIB_ERROR_HANDLER__", lambda settings, limits: int(settings.error_handler)),
    ("__RC_THIS_PLAYER_IN_CALL_OUT__", lambda settings, limits: int(settings.player_in_call_out)),
    ("__HEARTBEAT_INTERVAL_MSEC__", lambda settings, limits: int(settings.heart_beat_interval * 1000)),
    ("__WORKER__", lambda settings, limits: settings.worker.number if settings.worker is not None else 0),
    ("__WORKERS__", lambda settings, limits: settings.worker.count if settings.worker is not None else 1),
    ("__BUS__", lambda settings, limits: _bus(settings)),
)


def _bus(settings: Config) -> str:
    """The brokers of the message bus, parted by spaces; of a server without any, the one it has itself."""
    if settings.bus or settings.worker is None:
        return " ".join(settings.bus)
    return settings.worker.query_bus()


def runtime_option(settings: Config, limits: Limits, option: int) -> Value:
    """The value of option number `option`; UNDEFINED where there is none."""
    if not 0 <= option < len(RUNTIME_OPTIONS):
        return UNDEFINED
    return RUNTIME_OPTIONS[option][1](settings, limits)


def runtime_config_header() -> dict[str, str]:
    """The header with the options' numbers: one of the generators behind `pylpc gen`."""
    lines = ["// runtime_config.h: what get_config() takes",
             "// Generated by `python -m lpc gen` from lpc/driver/predefined.py: edit that, not this.", "",
             "#ifndef _RUNTIME_CONFIG_H_", "#define _RUNTIME_CONFIG_H_", ""]
    lines += [f"#define {name} {number}" for number, (name, _) in enumerate(RUNTIME_OPTIONS)]
    return {"include/runtime_config.h": "\n".join([*lines, "", "#endif", ""])}
