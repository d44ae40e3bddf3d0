"""The options of socket_set_option(): one row each.

A row says what values an option takes; which modes understand it stands in the mode's own row
(efuns.sockets.modes), so an option no built mode uses is refused, never silently stored.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from lpc.runtime.values import Mapping, Value


class Option(NamedTuple):
    """One option. `default` is an LPC value (0: unset); `minimum` and `maximum` bound a number or the
    length of a string; `choices` lists the only strings allowed; `while_state` names the states in which
    it may be set (None: any). `read_only` options are answered by the socket itself."""

    number: int
    name: str
    type: str  # "int", "string", "mapping", "mixed", or alternatives "int | string"
    summary: str
    default: Any = 0
    minimum: int | None = None
    maximum: int | None = None
    choices: tuple[str, ...] = ()
    while_state: frozenset[str] | None = None
    read_only: bool = False
    aliases: tuple[str, ...] = ()


BEFORE_BIND: Final = frozenset({"UNBOUND"})
BEFORE_DATA: Final = frozenset({"UNBOUND", "BOUND"})
_TYPES: Final[dict[str, type]] = {"int": int, "string": str, "mapping": Mapping, "array": list}

ROWS: Final = (
    Option(1, "SO_TLS_VERIFY_PEER", "int", "Check the peer's certificate (and its name, when SNI is set).",
           minimum=0, maximum=1),
    Option(2, "SO_TLS_SNI_HOSTNAME", "string", "Server name a TLS client asks for.", maximum=253),
    Option(3, "SO_TLS_CERT", "string", "Certificate chain of a TLS server: path of a PEM file.", maximum=4096),
    Option(4, "SO_TLS_KEY", "string", "Private key of a TLS server: path of a PEM file.", maximum=4096),
    Option(5, "SO_REUSEADDR", "int", "Bind to a port whose last connections are not quite over (on unless set to 0).",
           default=1, minimum=0, maximum=1, while_state=BEFORE_BIND, aliases=("SOCKET_OPT_REUSEADDR",)),
    Option(6, "SO_RCVBUF", "int", "Bytes the kernel keeps for reading.", default=256 << 10,
           minimum=1024, maximum=16 << 20, aliases=("SOCKET_OPT_RCVBUF",)),
    Option(7, "SO_SNDBUF", "int", "Bytes the kernel keeps for sending.", default=256 << 10,
           minimum=1024, maximum=16 << 20, aliases=("SOCKET_OPT_SNDBUF",)),
    Option(8, "SO_TIMEOUT", "int", "Milliseconds a connection may take to come up (TLS: 30000 unless set).",
           minimum=1000, maximum=300_000, aliases=("SOCKET_OPT_TIMEOUT",)),
    Option(9, "SO_LINGER", "int", "Seconds a closed socket waits for a peer that takes nothing (0: drops it).",
           default=60, minimum=0, maximum=3600, aliases=("SOCKET_OPT_LINGER",)),
    Option(10, "SO_BROADCAST", "int", "Let datagrams go to broadcast addresses.", minimum=0, maximum=1,
           aliases=("SOCKET_OPT_BROADCAST",)),
    Option(11, "SO_KEEPALIVE", "int", "Let the kernel find out when the other end is gone.", minimum=0, maximum=1,
           aliases=("SOCKET_OPT_KEEPALIVE",)),
    Option(12, "SO_NODELAY", "int", "Send small messages at once.", minimum=0, maximum=1,
           aliases=("SOCKET_OPT_NODELAY",)),
    Option(41, "SO_ENCODING", "string", "What arrives is \"text\" (UTF-8) or \"binary\" (buffers).", default="text",
           choices=("text", "binary"), aliases=("SOCKET_OPT_ENCODING",)),
    Option(42, "SO_COMPRESSION", "string", "Format of a compressed socket: \"zstd\" or \"zlib\".", default="zstd",
           choices=("zstd", "zlib"), while_state=BEFORE_DATA, aliases=("SOCKET_OPT_COMPRESSION",)),
    Option(100, "HTTP_HEADERS", "mapping", "Header fields for every request of a client or answer of a server.",
           aliases=("SO_HTTP_HEADERS",)),
    Option(104, "HTTP_TIMEOUT", "int", "Milliseconds an answer may take.", default=30_000, minimum=1000,
           maximum=300_000, aliases=("SO_HTTP_TIMEOUT",)),
    Option(109, "HTTP_READ_TIMEOUT", "int", "Milliseconds a message may take to arrive, once it has begun.",
           default=30_000, minimum=1000, maximum=300_000, aliases=("SO_HTTP_READ_TIMEOUT",)),
    Option(140, "EXTERNAL_COMMAND", "int | string", "The command to run: a name or number the host has registered.",
           minimum=1, maximum=4096),
    Option(141, "EXTERNAL_ARGS", "string | array", "Further arguments: an array, or words parted by spaces.",
           maximum=100_000),
    Option(142, "EXTERNAL_ENV", "mapping", "The command's whole environment: strings by name."),
    Option(143, "EXTERNAL_WATCH_PATH", "string", "Path that socket_bind(fd, 0) watches.", minimum=1, maximum=4096),
    Option(144, "EXTERNAL_WORKING_DIR", "string", "Directory the command starts in (default: the mudlib's root).",
           minimum=1, maximum=4096),
    Option(147, "EXTERNAL_TIMEOUT", "int", "Seconds after which the command is ended; 0: never.",
           minimum=0, maximum=86400),
    Option(152, "EXTERNAL_STDERR_MODE", "string", "What the command writes as errors: \"merge\" it with its output, "
           "\"pipe\" it as read(fd, data, \"stderr\"), or \"null\".", default="merge",
           choices=("merge", "pipe", "null")),
    Option(155, "EXTERNAL_CPU_LIMIT", "int", "Processor time the command may use, in seconds; 0: no limit.",
           minimum=0, maximum=1 << 31),
    Option(156, "EXTERNAL_MEMORY_LIMIT", "int", "Address space the command may use, in bytes; 0: no limit.",
           minimum=0, maximum=1 << 62),
    Option(157, "EXTERNAL_FILE_LIMIT", "int", "Files the command may have open; 0: no limit.",
           minimum=0, maximum=1 << 20),
    Option(287, "CONTENT_SIZE_LIMIT", "int", "Bytes the body of a message may have.", default=1 << 20, minimum=0,
           maximum=1 << 30),
    Option(324, "TLS_CA_BUNDLE", "string", "Authorities TLS believes instead of the system's: path of a PEM file.",
           maximum=4096),
    Option(329, "TLS_ALPN", "string", "Protocols to offer by ALPN, at commas; once TLS is up, the one agreed on.",
           default="", maximum=1024),
    Option(333, "TLS_CLIENT_CERT_REQUIRED", "int", "A TLS server takes only clients with a certificate it believes.",
           minimum=0, maximum=1),
    Option(1010, "SO_LAST_ERROR", "string", "The last failure of this socket in words, \"\" if none.", default="",
           read_only=True),
    Option(1011, "SO_DROPPED", "int", "How many packets were dropped because they could not be inflated.",
           read_only=True),
    Option(1014, "INOTIFY_VERBOSE", "int", "Also report \"renamed\", \"attrib\" and \"closed\".",
           minimum=0, maximum=1, while_state=BEFORE_BIND),
    Option(1015, "INOTIFY_RECURSIVE", "int", "Further binds watch whole directory trees.", minimum=0, maximum=1),
    Option(1020, "HTTP_STATIC", "mapping", "Directories a server answers GET and HEAD from by itself: "
           "([ \"/assets\": \"/www\" ])."),
    Option(1021, "HTTP_TRUSTED_PROXIES", "array", "Addresses and networks of proxies: their X-Forwarded-For and "
           "X-Forwarded-Proto are believed."),
    Option(1022, "HTTP_COMPRESSION", "int", "Compress answers for clients that take it.", default=1, minimum=0,
           maximum=1),
)

BY_NUMBER: Final = {option.number: option for option in ROWS}
SO_TLS_VERIFY_PEER: Final = 1
SO_TLS_SNI_HOSTNAME: Final = 2
SO_TLS_CERT: Final = 3
SO_TLS_KEY: Final = 4
SO_REUSEADDR: Final = 5
SO_RCVBUF: Final = 6
SO_SNDBUF: Final = 7
SO_TIMEOUT: Final = 8
SO_LINGER: Final = 9
SO_BROADCAST: Final = 10
SO_KEEPALIVE: Final = 11
SO_NODELAY: Final = 12
SO_ENCODING: Final = 41
SO_COMPRESSION: Final = 42
HTTP_HEADERS: Final = 100
HTTP_TIMEOUT: Final = 104
HTTP_READ_TIMEOUT: Final = 109
EXTERNAL_COMMAND: Final = 140
EXTERNAL_ARGS: Final = 141
EXTERNAL_ENV: Final = 142
EXTERNAL_WATCH_PATH: Final = 143
EXTERNAL_WORKING_DIR: Final = 144
EXTERNAL_TIMEOUT: Final = 147
EXTERNAL_STDERR_MODE: Final = 152
EXTERNAL_CPU_LIMIT: Final = 155
EXTERNAL_MEMORY_LIMIT: Final = 156
EXTERNAL_FILE_LIMIT: Final = 157
CONTENT_SIZE_LIMIT: Final = 287
TLS_CA_BUNDLE: Final = 324
TLS_ALPN: Final = 329
TLS_CLIENT_CERT_REQUIRED: Final = 333
SO_LAST_ERROR: Final = 1010
SO_DROPPED: Final = 1011
INOTIFY_VERBOSE: Final = 1014
INOTIFY_RECURSIVE: Final = 1015
HTTP_STATIC: Final = 1020
HTTP_TRUSTED_PROXIES: Final = 1021
HTTP_COMPRESSION: Final = 1022


def has_type(option: Option, value: Value) -> bool:
    """Whether a value is of the option's LPC type."""
    return option.type == "mixed" or any(isinstance(value, _TYPES[name]) for name in option.type.split(" | "))


def complaint(option: Option, value: Value) -> str | None:
    """Why a value of the right type is still not acceptable; None if it is."""
    if isinstance(value, str) and option.choices and value not in option.choices:
        return "accepted are " + ", ".join(f'"{choice}"' for choice in option.choices)
    size = value if isinstance(value, int) else len(value) if isinstance(value, str) else None
    if size is None:
        return None
    low, high = option.minimum, option.maximum
    if (low is not None and size < low) or (high is not None and size > high):
        what = "" if isinstance(value, int) else " characters"
        if low is None:
            return f"at most {high}{what}"
        if high is None:
            return f"at least {low}{what}"
        return f"{low} to {high}{what} are accepted" if what else f"only {low} to {high} are accepted"
    return None
