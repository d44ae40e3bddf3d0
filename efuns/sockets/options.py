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
    Option(40, "SO_PROTOCOL_VERSION", "string", "MQTT to speak: \"5\", \"3.1.1\", or by default 5 and 3.1.1 with a "
           "broker that does not know it; once connected, the one spoken.", default="", choices=("", "3.1.1", "5"),
           while_state=BEFORE_DATA, aliases=("SOCKET_OPT_PROTOCOL_VERSION",)),
    Option(41, "SO_ENCODING", "string", "What arrives is \"text\" (UTF-8) or \"binary\" (buffers).", default="text",
           choices=("text", "binary"), aliases=("SOCKET_OPT_ENCODING",)),
    Option(42, "SO_COMPRESSION", "string", "Format of a compressed socket: \"zstd\" or \"zlib\".", default="zstd",
           choices=("zstd", "zlib"), while_state=BEFORE_DATA, aliases=("SOCKET_OPT_COMPRESSION",)),
    Option(44, "SO_MAX_CONNECTIONS", "int", "Connections a listener has at once; further ones wait (0: no limit).",
           minimum=0, maximum=1 << 20, aliases=("SOCKET_OPT_MAX_CONNECTIONS",)),
    Option(45, "SO_CONNECTION_POOL", "int", "Requests a client has under way at once; further ones wait.", default=100,
           minimum=1, maximum=10_000, aliases=("SOCKET_OPT_CONNECTION_POOL",)),
    Option(100, "HTTP_HEADERS", "mapping", "Header fields for every request of a client or answer of a server.",
           aliases=("SO_HTTP_HEADERS",)),
    Option(101, "HTTP_METHOD", "string", "Method of the request socket_connect(fd, \"\") sends (with a body POST, else "
           "GET, unless set).", minimum=1, maximum=32, while_state=BEFORE_DATA, aliases=("SO_HTTP_METHOD",)),
    Option(102, "HTTP_URL", "string", "URL of the request socket_connect(fd, \"\") sends.", minimum=1, maximum=2048,
           while_state=BEFORE_DATA, aliases=("SO_HTTP_URL",)),
    Option(103, "HTTP_BODY", "mixed", "Body of the request socket_connect(fd, \"\") sends: a string, a buffer, or a "
           "mapping or array for JSON.", while_state=BEFORE_DATA, aliases=("SO_HTTP_BODY",)),
    Option(104, "HTTP_TIMEOUT", "int", "Milliseconds an answer may take.", default=30_000, minimum=1000,
           maximum=300_000, aliases=("SO_HTTP_TIMEOUT",)),
    Option(105, "HTTP_USER_AGENT", "string", "What a client calls itself.", default="pylpc", minimum=1, maximum=1024,
           aliases=("SO_HTTP_USER_AGENT",)),
    Option(106, "HTTP_FOLLOW_REDIRECTS", "int", "Go where an answer redirects to, instead of reading it.", default=1,
           minimum=0, maximum=1, aliases=("SO_HTTP_FOLLOW_REDIRECTS",)),
    Option(107, "HTTP_MAX_REDIRECTS", "int", "Redirects of one request, after which it fails.", default=5, minimum=0,
           maximum=20, aliases=("SO_HTTP_MAX_REDIRECTS",)),
    Option(108, "HTTP_CONNECT_TIMEOUT", "int", "Milliseconds a client's connection may take to come up.",
           default=30_000, minimum=1000, maximum=300_000, aliases=("SO_HTTP_CONNECT_TIMEOUT",)),
    Option(109, "HTTP_READ_TIMEOUT", "int", "Milliseconds a message may take to arrive, once it has begun.",
           default=30_000, minimum=1000, maximum=300_000, aliases=("SO_HTTP_READ_TIMEOUT",)),
    Option(110, "REST_ROUTER_CONFIG", "mapping", "How requests are checked: ([ \"validate\": \"report\" ]) lets "
           "handlers see bodies that fail their schema (\"enforce\": they are refused)."),
    Option(111, "REST_ADD_ROUTE", "mapping | array", "Add a route, or several: ([ \"method\", \"pattern\", "
           "\"handler\", \"schema\", \"auth\", \"rate\", \"description\", \"docs\" ])."),
    Option(112, "REST_OPENAPI_INFO", "mapping", "\"title\", \"version\", \"description\" and \"servers\" of the "
           "OpenAPI document."),
    Option(113, "REST_JWT_SECRET", "string", "Secret of the bearer tokens (HS256), 32 bytes or more.", maximum=512),
    Option(114, "REST_DOCS_PATH", "string", "Where the documentation page is; the document is there with \".json\", "
           "and at \"/openapi.json\".", minimum=1, maximum=1024),
    Option(115, "REST_VALIDATION_SCHEMA", "mapping", "JSON Schema of the bodies for routes without their own."),
    Option(116, "REST_MIDDLEWARE", "mixed", "Functions called before a handler, as function(request, fd); the first "
           "answer that is not 0 is sent."),
    Option(117, "REST_ERROR_HANDLER", "mixed", "Function that answers in place of an error: function(request, error, "
           "fd)."),
    Option(118, "REST_CORS_CONFIG", "mapping", "Pages of which \"origins\" may read answers; also \"methods\", "
           "\"headers\", \"expose\", \"credentials\", \"max_age\"."),
    Option(119, "REST_RATE_LIMIT", "int | mapping", "Requests a client may make in a minute, or ([ \"requests\", "
           "\"window\" ]) in seconds; 0: any number."),
    Option(120, "WS_PROTOCOL", "string | array", "Subprotocols of a WebSocket: a client asks for them and wants one, a "
           "server takes the first it has.", maximum=256),
    Option(121, "WS_EXTENSIONS", "string", "\"permessage-deflate\" with its parameters, as in a header field.",
           maximum=256),
    Option(122, "WS_ORIGIN", "string | array", "Pages whose scripts a WebSocket server accepts (every one unless set; "
           "\"\": a client that names none); what a client names itself.", maximum=1024),
    Option(123, "WS_MAX_MESSAGE_SIZE", "int", "Bytes of a WebSocket message, inflated.", default=65536, minimum=128,
           maximum=16 << 20),
    Option(124, "WS_PING_INTERVAL", "int", "Seconds between two pings; 0: none.", default=30, minimum=0, maximum=86400),
    Option(125, "WS_PONG_TIMEOUT", "int", "Seconds a ping may go unanswered.", default=10, minimum=1, maximum=3600),
    Option(126, "WS_COMPRESSION", "int", "Compress WebSocket messages where the other end can too.", minimum=0,
           maximum=1),
    Option(127, "WS_SUBPROTOCOL", "string | array", "The same as WS_PROTOCOL, which it wins over.", maximum=256),
    Option(128, "WS_FRAME_SIZE_LIMIT", "int", "Bytes of a WebSocket frame: longer messages go in several, longer "
           "frames are refused; 0: no limit but that of messages.", minimum=0, maximum=16 << 20),
    Option(129, "WS_AUTO_PING", "int", "See by pings whether the other end is still there.", default=1, minimum=0,
           maximum=1),
    Option(130, "SO_MQTT_BROKER", "string", "Where socket_connect(fd, \"\", …) connects to: \"mqtt://host\" "
           "(MQTT_BROKER itself is the name of a mode).", default="", maximum=2048, while_state=BEFORE_DATA,
           aliases=("SOCKET_OPT_MQTT_BROKER",)),
    Option(131, "MQTT_CLIENT_ID", "string", "What the broker knows this client by (made up unless set).", default="",
           maximum=65535, while_state=BEFORE_DATA, aliases=("SO_MQTT_CLIENT_ID",)),
    Option(132, "MQTT_USERNAME", "string", "User name for the broker.", default="", maximum=65535,
           while_state=BEFORE_DATA, aliases=("SO_MQTT_USERNAME",)),
    Option(133, "MQTT_PASSWORD", "string", "Password for the broker.", default="", maximum=65535,
           while_state=BEFORE_DATA, aliases=("SO_MQTT_PASSWORD",)),
    Option(134, "MQTT_KEEP_ALIVE", "int", "Seconds of silence after which the broker is asked whether it is there; "
           "0: never.", default=60, minimum=0, maximum=65535, while_state=BEFORE_DATA, aliases=("SO_MQTT_KEEP_ALIVE",)),
    Option(135, "MQTT_QOS", "int", "Quality of service where a message or subscription does not say: 0 at most once, "
           "1 at least once, 2 exactly once.", default=0, minimum=0, maximum=2, aliases=("SO_MQTT_QOS",)),
    Option(136, "MQTT_RETAIN", "int", "Whether brokers keep a message for later subscribers where it does not say.",
           default=0, minimum=0, maximum=1, aliases=("SO_MQTT_RETAIN",)),
    Option(137, "MQTT_CLEAN_SESSION", "int", "1: begin anew; 0: go on with what the broker kept for this client.",
           default=1, minimum=0, maximum=1, while_state=BEFORE_DATA, aliases=("SO_MQTT_CLEAN_SESSION",)),
    Option(138, "MQTT_WILL_TOPIC", "string", "Topic of what the broker publishes when this client is lost.",
           default="", maximum=65535, while_state=BEFORE_DATA, aliases=("SO_MQTT_WILL_TOPIC",)),
    Option(139, "MQTT_WILL_MESSAGE", "string | mapping", "The will itself: a payload, or a message mapping, also with "
           "\"delay\" in seconds.", default="", while_state=BEFORE_DATA, aliases=("SO_MQTT_WILL_MESSAGE",)),
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
    Option(340, "HTTP2_ENABLE", "int", "Speak HTTP/2: with TLS where the client offers it (on unless set to 0), "
           "without where it begins with it (off unless set to 1).", minimum=0, maximum=1, while_state=BEFORE_DATA),
    Option(1010, "SO_LAST_ERROR", "string", "The last failure of this socket in words, \"\" if none.", default="",
           read_only=True),
    Option(1011, "SO_DROPPED", "int", "How many packets were dropped because they could not be read.",
           read_only=True),
    Option(1012, "WS_HANDSHAKE", "mapping", "How an open WebSocket began: \"path\", \"headers\", \"protocol\", "
           "\"extensions\", \"origin\"; \"latency\" is the seconds the last ping took.", read_only=True),
    Option(1014, "INOTIFY_VERBOSE", "int", "Also report \"renamed\", \"attrib\" and \"closed\".",
           minimum=0, maximum=1, while_state=BEFORE_BIND),
    Option(1015, "INOTIFY_RECURSIVE", "int", "Further binds watch whole directory trees.", minimum=0, maximum=1),
    Option(1020, "HTTP_STATIC", "mapping", "Directories a server answers GET and HEAD from by itself: "
           "([ \"/assets\": \"/www\" ])."),
    Option(1021, "HTTP_TRUSTED_PROXIES", "array", "Addresses and networks of proxies: their X-Forwarded-For and "
           "X-Forwarded-Proto are believed."),
    Option(1022, "HTTP_COMPRESSION", "int", "Compress answers for clients that take it; a client asks for such "
           "answers.",
           default=1, minimum=0, maximum=1),
    Option(1030, "HTTP_PROXY", "string", "Proxy of a client: \"http://host:port\", with \"user:password@\" before the "
           "host if need be (\"\": none).", default="", maximum=2048, while_state=BEFORE_DATA),
    Option(1031, "HTTP_STREAM", "int", "Read answers in pieces as they come: the head, each piece as \"body\", "
           "then \"end\".", minimum=0, maximum=1),
    Option(1013, "MQTT_EVENTS", "int", "The read callback also hears of what is no message: mappings with \"event\".",
           default=0, minimum=0, maximum=1),
    Option(1040, "MQTT_RECONNECT", "int", "Make a lost connection again: the longest pause between two tries, in "
           "milliseconds; 0: the socket ends with its connection.", default=0, minimum=0, maximum=3_600_000,
           while_state=BEFORE_DATA),
    Option(1041, "MQTT_SESSION_EXPIRY", "int", "Seconds a session is kept for a client that is gone; of a broker: the "
           "most it grants.", minimum=0, maximum=0xFFFF_FFFF),
    Option(1042, "MQTT_WINDOW", "int", "Messages of QoS 1 and 2 that may be on their way unconfirmed.", default=20,
           minimum=1, maximum=65535, while_state=BEFORE_DATA),
    Option(1043, "MQTT_USER_PROPERTIES", "mapping", "User properties of the connection (MQTT 5).",
           while_state=BEFORE_DATA),
    Option(1044, "MQTT_BRIDGE", "mapping", "Another broker this one exchanges messages with: ([ \"broker\": "
           "\"mqtt://host\", \"out\": ({ filters }), \"in\": ({ filters }) ]), also \"qos\", \"client_id\", "
           "\"username\", \"password\".", while_state=BEFORE_DATA),
    Option(1045, "MQTT_MAX_SESSIONS", "int", "Sessions a broker keeps, of clients present and absent.", default=10_000,
           minimum=1, maximum=1_000_000),
    Option(1046, "MQTT_MAX_RETAINED", "int", "Retained messages a broker keeps.", default=10_000, minimum=0,
           maximum=1_000_000),
    Option(1047, "MQTT_MAX_QUEUED", "int", "Messages of QoS 1 and 2 a broker keeps for a client that is absent or "
           "slow.",
           default=1000, minimum=1, maximum=100_000),
    Option(1050, "COAP_BLOCK_SIZE", "int", "Bytes of a block, where a body is larger: 16, 32, 64, … 1024.",
           default=1024, minimum=16, maximum=1024),
    Option(1051, "COAP_OBSERVERS", "int", "Observers a server has at most.", default=1000, minimum=0,
           maximum=100_000),
    Option(1052, "COAP_ACK_TIMEOUT", "int", "Milliseconds before a message that nobody acknowledges is sent again; "
           "the time doubles with each repetition.", default=2000, minimum=50, maximum=60_000),
    Option(1053, "COAP_RETRANSMITS", "int", "How often such a message is sent again.", default=4, minimum=0,
           maximum=10),
    Option(1054, "COAP_PSK", "mapping", "Keys of DTLS by identity: a server then speaks coaps only, a client may.",
           while_state=BEFORE_BIND),
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
SO_PROTOCOL_VERSION: Final = 40
SO_ENCODING: Final = 41
SO_COMPRESSION: Final = 42
SO_MAX_CONNECTIONS: Final = 44
SO_CONNECTION_POOL: Final = 45
HTTP_HEADERS: Final = 100
HTTP_METHOD: Final = 101
HTTP_URL: Final = 102
HTTP_BODY: Final = 103
HTTP_TIMEOUT: Final = 104
HTTP_USER_AGENT: Final = 105
HTTP_FOLLOW_REDIRECTS: Final = 106
HTTP_MAX_REDIRECTS: Final = 107
HTTP_CONNECT_TIMEOUT: Final = 108
HTTP_READ_TIMEOUT: Final = 109
REST_ROUTER_CONFIG: Final = 110
REST_ADD_ROUTE: Final = 111
REST_OPENAPI_INFO: Final = 112
REST_JWT_SECRET: Final = 113
REST_DOCS_PATH: Final = 114
REST_VALIDATION_SCHEMA: Final = 115
REST_MIDDLEWARE: Final = 116
REST_ERROR_HANDLER: Final = 117
REST_CORS_CONFIG: Final = 118
REST_RATE_LIMIT: Final = 119
WS_PROTOCOL: Final = 120
WS_EXTENSIONS: Final = 121
WS_ORIGIN: Final = 122
WS_MAX_MESSAGE_SIZE: Final = 123
WS_PING_INTERVAL: Final = 124
WS_PONG_TIMEOUT: Final = 125
WS_COMPRESSION: Final = 126
WS_SUBPROTOCOL: Final = 127
WS_FRAME_SIZE_LIMIT: Final = 128
WS_AUTO_PING: Final = 129
SO_MQTT_BROKER: Final = 130
MQTT_CLIENT_ID: Final = 131
MQTT_USERNAME: Final = 132
MQTT_PASSWORD: Final = 133
MQTT_KEEP_ALIVE: Final = 134
MQTT_QOS: Final = 135
MQTT_RETAIN: Final = 136
MQTT_CLEAN_SESSION: Final = 137
MQTT_WILL_TOPIC: Final = 138
MQTT_WILL_MESSAGE: Final = 139
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
HTTP2_ENABLE: Final = 340
SO_LAST_ERROR: Final = 1010
SO_DROPPED: Final = 1011
WS_HANDSHAKE: Final = 1012
INOTIFY_VERBOSE: Final = 1014
INOTIFY_RECURSIVE: Final = 1015
HTTP_STATIC: Final = 1020
HTTP_TRUSTED_PROXIES: Final = 1021
HTTP_COMPRESSION: Final = 1022
HTTP_PROXY: Final = 1030
HTTP_STREAM: Final = 1031
MQTT_EVENTS: Final = 1013
MQTT_RECONNECT: Final = 1040
MQTT_SESSION_EXPIRY: Final = 1041
MQTT_WINDOW: Final = 1042
MQTT_USER_PROPERTIES: Final = 1043
MQTT_BRIDGE: Final = 1044
MQTT_MAX_SESSIONS: Final = 1045
MQTT_MAX_RETAINED: Final = 1046
MQTT_MAX_QUEUED: Final = 1047
COAP_BLOCK_SIZE: Final = 1050
COAP_OBSERVERS: Final = 1051
COAP_ACK_TIMEOUT: Final = 1052
COAP_RETRANSMITS: Final = 1053
COAP_PSK: Final = 1054


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
