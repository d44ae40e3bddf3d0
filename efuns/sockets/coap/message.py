"""CoAP messages (RFC 7252) without I/O: packets in, mappings for LPC out, and the way back.

The codec is aiocoap's. It believes what it reads, so `read_packet` looks at a packet before it does. Rules:
- A packet has at most MAX_PACKET bytes and MAX_OPTIONS options, none longer than its RFC allows, and no number
  beyond 16 bits: aiocoap remembers every number it has ever seen.
- A path segment may hold a slash; LPC sees it as %2F, and % as %25, so that no two paths look alike.
- A payload is a string where it is UTF-8, else a buffer.
- What LPC writes is checked here: an EE* code says what cannot be sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from aiocoap.error import UnparsableMessage
from aiocoap.message import Message
from aiocoap.numbers.codes import Code
from aiocoap.numbers.contentformat import ContentFormat
from aiocoap.numbers.types import Type

from efuns import json
from efuns.sockets import errors
from efuns.sockets.wire import text_bytes
from lpc.errors import LPCError
from lpc.runtime.budget import Limits
from lpc.runtime.values import Buffer, Mapping, Value

MAX_PACKET: Final = 4096
MAX_OPTIONS: Final = 64
PORT: Final = 5683
SECURE_PORT: Final = 5684
LARGEST_BLOCK: Final = 6  # as an exponent: 1024 bytes

#: the longest value of each option we know, by number: RFC 7252 5.10, 7641, 7959, 7967, 8768, 9175
_LONGEST: Final = {1: 8, 3: 255, 4: 8, 5: 0, 6: 3, 7: 2, 8: 255, 11: 255, 12: 2, 14: 4, 15: 255, 16: 1, 17: 2,
                   20: 255, 23: 3, 27: 3, 28: 4, 35: 1034, 39: 255, 60: 4, 252: 40, 258: 1, 292: 8}
_REPEATABLE: Final = frozenset({1, 4, 8, 11, 15, 20, 292})
_BLOCKS: Final = frozenset({23, 27})
_PROXY: Final = frozenset({35, 39})
_JSON: Final = 50
_LONGEST_NAME: Final = 253
_CODE: Final = re.compile(r"([245])\.([0-3][0-9])")
_AUTHORITY: Final = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.%a-z]+)\]|(?P<host>[A-Za-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?")

METHODS: Final = {"GET": Code.GET, "POST": Code.POST, "PUT": Code.PUT, "DELETE": Code.DELETE, "FETCH": Code.FETCH,
                  "PATCH": Code.PATCH, "iPATCH": Code.iPATCH}
METHODS_BY_CODE: Final = {int(code): name for name, code in METHODS.items()}
#: what an answer says that says nothing else, by method
_USUAL: Final = {"GET": 0x45, "FETCH": 0x45, "POST": 0x44, "PUT": 0x44, "PATCH": 0x44, "iPATCH": 0x44, "DELETE": 0x42}


class MalformedError(Exception):
    """No CoAP. `mid` and `mtype` are the message's, if it has got that far; a request with `bad_option` was
    understood well enough to be told so (4.02, 5.05), with `token`."""

    def __init__(self, mid: int = -1, mtype: int = -1, *, code: int = 0, token: bytes = b"", answer: int = 0) -> None:
        super().__init__("malformed")
        self.mid = mid
        self.mtype = mtype
        self.code = code
        self.token = token
        self.answer = answer

    @property
    def is_request(self) -> bool:
        """Whether it was meant as a request."""
        return 0 < self.code < 32


# ---------------------------------------------------------------------------------------------- reading


def read_packet(packet: bytes) -> Message:
    """The message a packet holds. Raises MalformedError."""
    if len(packet) < 4 or packet[0] >> 6 != 1:
        raise MalformedError
    mtype, size, code, mid = packet[0] >> 4 & 3, packet[0] & 15, packet[1], packet[2] << 8 | packet[3]
    if size > 8 or len(packet) < 4 + size or (code == 0 and len(packet) > 4):
        raise MalformedError(mid, mtype)
    token = packet[4:4 + size]
    if len(packet) > MAX_PACKET:
        raise MalformedError(mid, mtype, code=code, token=token, answer=Code.REQUEST_ENTITY_TOO_LARGE)
    answer = _objection(packet, 4 + size)
    if answer:
        raise MalformedError(mid, mtype, code=code, token=token, answer=answer if answer > 1 else 0)
    try:
        message = Message.decode(packet)
    except (UnparsableMessage, UnicodeDecodeError):
        raise MalformedError(mid, mtype, code=code, token=token) from None
    if any(segment in (".", "..") for segment in message.opt.uri_path):
        raise MalformedError(mid, mtype, code=code, token=token, answer=Code.BAD_OPTION)
    return message


def _objection(packet: bytes, at: int) -> int:
    """What is wrong with the options of a packet: 0 nothing, 1 they cannot be read, else the code to answer."""
    former, count = -1, 0
    for number, start, length in _options(packet, at):
        count += 1
        if number < 0 or count > MAX_OPTIONS or number > 0xFFFF:
            return 1
        longest = _LONGEST.get(number, MAX_PACKET)
        known = number in _LONGEST
        if number in _PROXY:
            return int(Code.PROXYING_NOT_SUPPORTED)
        if length > longest or (number & 1 and not known) or (number == former and number not in _REPEATABLE and known):
            return int(Code.BAD_OPTION)
        if number in _BLOCKS and length and packet[start + length - 1] & 7 == 7:  # RFC 7959 2.2
            return int(Code.BAD_OPTION)
        former = number
    return 0


def _options(packet: bytes, at: int) -> Iterator[tuple[int, int, int]]:
    """Number, place and length of each option; number -1 where they cannot be read."""
    number, end = 0, len(packet)
    while at < end:
        first = packet[at]
        at += 1
        if first == 0xFF:
            if at == end:  # a marker without a payload, RFC 7252 3
                yield -1, at, 0
            return
        fields = []
        for nibble in (first >> 4, first & 15):
            if nibble == 15 or at + max(nibble - 12, 0) > end:
                yield -1, at, 0
                return
            if nibble == 13:
                nibble, at = packet[at] + 13, at + 1
            elif nibble == 14:
                nibble, at = (packet[at] << 8 | packet[at + 1]) + 269, at + 2
            fields.append(nibble)
        number += fields[0]
        if at + fields[1] > end:
            yield -1, at, 0
            return
        yield number, at, fields[1]
        at += fields[1]


def method_of(message: Message) -> str:
    """The name of a request's method; "" for one nobody knows."""
    return METHODS_BY_CODE.get(int(message.code), "")


def path_text(segments: Sequence[str]) -> str:
    """Path segments as one string."""
    return "/" + "/".join(segment.replace("%", "%25").replace("/", "%2F") for segment in segments)


def request_mapping(message: Message, body: bytes, number: int, address: str, limits: Limits) -> Mapping:
    """A request as LPC reads it."""
    options = message.opt
    made = Mapping(
        id=number, method=method_of(message), path=path_text(options.uri_path), addr=address,
        query="&".join(part.replace("&", "%26") for part in options.uri_query), query_params=_fields(options.uri_query),
        type=str(message.mtype), token=message.token.hex(), message_id=message.mid)
    if options.uri_host is not None:
        made["host"] = options.uri_host
    if options.accept is not None:
        made["accept"] = int(options.accept)
    if options.observe is not None:
        made["observe"] = 1 if options.observe == 0 else -1
    if options.etags:
        made["etags"] = [tag.hex() for tag in options.etags]
    if options.if_match:
        made["if_match"] = [tag.hex() for tag in options.if_match]
    if options.if_none_match:
        made["if_none_match"] = 1
    _add_payload(made, message, body, limits)
    return made


def response_mapping(message: Message, body: bytes, address: str, limits: Limits) -> Mapping:
    """A response as LPC reads it."""
    options = message.opt
    made = Mapping(code=message.code.dotted, ok=int(message.code.is_successful()), type=str(message.mtype),
                   addr=address, message_id=message.mid)
    if options.max_age is not None:
        made["max_age"] = options.max_age
    if options.etag is not None:
        made["etag"] = options.etag.hex()
    if options.observe is not None:
        made["observe"] = options.observe
    if options.location_path or options.location_query:
        query = "&".join(options.location_query)
        made["location"] = path_text(options.location_path) + (f"?{query}" if query else "")
    _add_payload(made, message, body, limits)
    return made


def _fields(parts: Sequence[str]) -> Mapping:
    """Query options as a mapping; an array where a name is repeated."""
    made = Mapping()
    for part in parts:
        name, _, value = part.partition("=")
        if name not in made:
            made[name] = value
        elif isinstance(made[name], list):
            made[name].append(value)
        else:
            made[name] = [made[name], value]
    return made


def _add_payload(made: Mapping, message: Message, body: bytes, limits: Limits) -> None:
    made["payload"] = text_or_buffer(body, limits)
    if message.opt.content_format is None:
        return
    form = message.opt.content_format
    made["content_format"] = int(form)
    kind = str(form.media_type) if form.is_known() else ""
    if kind:
        made["content_type"] = kind
    if int(form) == _JSON or kind.partition(";")[0].endswith("+json"):
        try:
            made["json"] = json.decode(body, limits)
        except LPCError:
            pass


def text_or_buffer(data: bytes, limits: Limits) -> str | Buffer:
    """Bytes as a string where they are UTF-8 (and no longer than a string may be)."""
    if len(data) <= limits.string_length:
        try:
            return data.decode()
        except UnicodeDecodeError:
            pass
    return Buffer(data)


# ---------------------------------------------------------------------------------------------- writing


class Content(NamedTuple):
    """A message without what the exchange adds (type, ids, token, blocks): a code, a payload, and options."""

    code: int
    body: bytes
    options: tuple[tuple[str, Any], ...]

    def message(self, *, body: bytes | None = None) -> Message:
        """A fresh message of it, with another payload if one is given."""
        made = Message(code=Code(self.code), payload=self.body if body is None else body)
        for name, value in self.options:
            setattr(made.opt, name, value)
        return made


def text_content(code: int, text: str = "") -> Content:
    """A diagnostic payload, RFC 7252 5.5.2."""
    return Content(int(code), text.encode(), ())


def empty(mtype: Type, mid: int) -> bytes:
    """An empty message: an acknowledgement or a reset."""
    return bytes((0x40 | int(mtype) << 4, 0, mid >> 8, mid & 255))


class Reply(NamedTuple):
    """What LPC answers a request, or tells observers."""

    content: Content
    observe: bool
    is_confirmable: bool | None  # None: as it comes
    token: str
    number: int
    path: str


def read_reply(message: Value, method: str, limits: Limits) -> Reply | int:
    """A reply LPC wrote: a mapping, or a string, buffer or array that is the payload of a usual one."""
    if not isinstance(message, Mapping):
        if not isinstance(message, (str, Buffer, list)):
            return errors.EETYPENOTSUPP
        message = Mapping(payload=message)
    code = _read_code(message.get("code", 0), _USUAL.get(method, 0x45))
    if code is None:
        return errors.EEBADDATA
    options = _read_options(message, ("content_format", "max_age", "etag", "location"))
    payload = _read_payload(message, limits)
    if isinstance(options, int):
        return options
    if isinstance(payload, int):
        return payload
    body, form = payload
    if form is not None and all(name != "content_format" for name, _ in options):
        options = (*options, ("content_format", form))
    kind = read_type(message)
    token, number, path = message.get("token", ""), message.get("id", 0), message.get("path", "")
    if kind is None or not isinstance(token, str) or not isinstance(number, int) or not isinstance(path, str):
        return errors.EEBADDATA
    wanted = message.get("observe", 0)
    observe = isinstance(wanted, int) and wanted > 0
    return Reply(Content(code, body, options), observe, _CONFIRMABLE[kind], token.lower(), number, path)


class Request(NamedTuple):
    """What LPC asks."""

    content: Content
    path: tuple[str, ...] | None  # None: as the address says
    query: tuple[str, ...] | None
    is_confirmable: bool
    observe: int  # 1: from now on, -1: no more, 0: just once
    token: str
    tag: Value  # the caller's "id", handed back


def read_request(message: Value, limits: Limits) -> Request | int:
    """A request LPC wrote; an EE* code where it cannot be sent."""
    if not isinstance(message, Mapping):
        return errors.EETYPENOTSUPP
    payload = _read_payload(message, limits)
    options = _read_options(message, ("content_format", "accept", "etags", "if_match", "if_none_match"))
    if isinstance(options, int):
        return options
    if isinstance(payload, int):
        return payload
    body, form = payload
    if form is not None and all(name != "content_format" for name, _ in options):
        options = (*options, ("content_format", form))
    method = message.get("method", "POST" if body else "GET")
    code = METHODS.get(method) or METHODS.get(method.upper()) if isinstance(method, str) else None
    path, query = _read_path(message.get("path", 0)), _read_query(message.get("query", 0))
    kind, observe, token = read_type(message), message.get("observe", 0), message.get("token", "")
    if code is None or kind is None or isinstance(path, int) or isinstance(query, int):
        return errors.EEBADDATA
    if not isinstance(observe, int) or not isinstance(token, str) or (observe > 0 and code not in _OBSERVABLE):
        return errors.EEBADDATA
    if len(options) + len(path or ()) + len(query or ()) > MAX_OPTIONS - 8:
        return errors.EEBADDATA
    return Request(Content(int(code), body, options), path, query, kind != "NON", (observe > 0) - (observe < 0),
                   token.lower(), message.get("id", 0))


_CONFIRMABLE: Final = {"": None, "CON": True, "NON": False}
_OBSERVABLE: Final = frozenset({Code.GET, Code.FETCH})


def read_type(message: Mapping) -> str | None:
    """The type a mapping asks for, CON or NON or "" for the usual one; None for anything else."""
    kind = message.get("type", "")
    return kind if isinstance(kind, str) and kind in _CONFIRMABLE else None


def _read_code(given: Value, usual: int) -> int | None:
    """A response code: "2.05" or 205; None for what is none."""
    if isinstance(given, int):
        if given == 0:
            return usual
        given = f"{given // 100}.{given % 100:02}" if 200 <= given < 600 else ""
    found = _CODE.fullmatch(given) if isinstance(given, str) else None
    if found is None or int(found[2]) > 31:
        return None
    return int(found[1]) << 5 | int(found[2])


def _read_payload(message: Mapping, limits: Limits) -> tuple[bytes, int | None] | int:
    """The bytes of a payload, and the format a value has by itself."""
    value = message.get("json", 0)
    if value == 0:
        value = message.get("payload", 0)
    if isinstance(value, str):
        return text_bytes(value), None
    if isinstance(value, Buffer):
        return bytes(value.data), None
    if isinstance(value, (Mapping, list)):
        try:
            return json.encode(value, limits).encode(), _JSON
        except LPCError:
            return errors.EEBADDATA
    return (b"", None) if isinstance(value, int) and value == 0 else errors.EETYPENOTSUPP


def _read_options(message: Mapping, names: Sequence[str]) -> tuple[tuple[str, Any], ...] | int:
    """The options a mapping asks for, as aiocoap names and values."""
    made: list[tuple[str, Any]] = []
    for name in names:
        if name not in message:
            continue
        value = message[name]
        if name == "location":
            location = _read_location(value)
            if location is None:
                return errors.EEBADDATA
            made += location
            continue
        read = _READERS[name](value)
        if read is None:
            return errors.EEBADDATA
        if read != () and read is not False:
            made.append((name, read))
    return tuple(made)


def _read_format(value: Value) -> int | None:
    if isinstance(value, int):
        return value if 0 <= value <= 0xFFFF else None
    for name in (value, f"{value};charset=utf-8") if isinstance(value, str) else ():
        try:
            return int(ContentFormat.by_media_type(name))
        except KeyError:
            pass
    return None


def _read_tag(value: Value) -> bytes | None:
    """An entity tag: hexadecimal digits, or a buffer of 1 to 8 bytes."""
    if isinstance(value, Buffer):
        data = bytes(value.data)
    elif isinstance(value, str):
        try:
            data = bytes.fromhex(value)
        except ValueError:
            return None
    else:
        return None
    return data if 0 < len(data) <= 8 else None


def _read_tags(value: Value) -> tuple[bytes, ...] | None:
    tags = [_read_tag(one) for one in (value if isinstance(value, list) else [value])]
    return tuple(tag for tag in tags if tag is not None) if None not in tags and len(tags) <= 8 else None


def _read_age(value: Value) -> int | None:
    return value if isinstance(value, int) and 0 <= value <= 0xFFFF_FFFF else None


def _read_flag(value: Value) -> bool | None:
    return bool(value) if isinstance(value, int) else None


_READERS: Final[dict[str, Any]] = {
    "content_format": _read_format, "accept": _read_format, "max_age": _read_age, "etag": _read_tag,
    "etags": _read_tags, "if_match": _read_tags, "if_none_match": _read_flag,
}


def _read_location(value: Value) -> list[tuple[str, Any]] | None:
    path, mark, query = value.partition("?") if isinstance(value, str) else ("", "", "")
    segments, parts = _read_path(path or 0), _read_query(query if mark else 0)
    if isinstance(segments, int) or isinstance(parts, int) or segments is None:
        return None
    return [("location_path", segments), *([("location_query", parts)] if parts else [])]


def _read_path(value: Value) -> tuple[str, ...] | int | None:
    """The segments of a path; None where there is none, an EE* code where it is none."""
    if isinstance(value, int) and value == 0:
        return None
    if not isinstance(value, str):
        return errors.EETYPENOTSUPP
    if value in ("", "/"):
        return ()
    return _checked(unquote(segment) for segment in value.removeprefix("/").split("/"))


def _read_query(value: Value) -> tuple[str, ...] | int | None:
    if isinstance(value, int) and value == 0:
        return None
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) and isinstance(one, (str, int)) for name, one in value.items()):
            return errors.EEBADDATA
        return _checked(f"{name}={one}" for name, one in value.items())
    if not isinstance(value, str):
        return errors.EETYPENOTSUPP
    return _checked(unquote(part) for part in value.split("&")) if value else ()


def _checked(parts: Iterator[str]) -> tuple[str, ...] | int:
    made: list[str] = []
    for part in parts:
        if len(made) >= MAX_OPTIONS or len(part) > 255 or part in (".", ".."):
            return errors.EEBADDATA
        data = text_bytes(part)
        if len(data) > 255:
            return errors.EEBADDATA
        made.append(data.decode())
    return tuple(made)


class Target(NamedTuple):
    """Where requests go: what "host port", "host:port" or a URL says."""

    host: str
    port: int
    is_secure: bool
    path: tuple[str, ...]
    query: tuple[str, ...]


def read_target(text: str) -> Target | None:
    """The target an address names; None where it names none."""
    secure, path, query = False, "", ""
    authority = text
    if "://" in text:
        try:
            parts = urlsplit(text)
        except ValueError:
            return None
        if parts.scheme not in ("coap", "coaps") or parts.fragment:
            return None
        secure, authority, path, query = parts.scheme == "coaps", parts.netloc, parts.path, parts.query
    elif " " in text:
        host, _, port = text.partition(" ")
        authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        if not port:
            return None
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        return None
    host = found["v6"] or found["host"]
    number = int(found["port"] or (SECURE_PORT if secure else PORT))
    segments, parts_of_query = _read_path(path), _read_query(query)
    if len(host) > _LONGEST_NAME or not host.isascii() or not 0 < number < 65536:
        return None
    if not isinstance(segments, tuple) or not isinstance(parts_of_query, tuple):
        return None
    return Target(host, number, secure, segments, parts_of_query)
