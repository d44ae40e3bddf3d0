"""Bodies in blocks (RFC 7959), on a server: requests that arrive in pieces, answers that leave in pieces.

Both keep what belongs to unfinished transfers of strangers, so both are bounded by count and bytes, by host as
well, and by time; what has to go is the oldest.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from aiocoap.message import Message
from aiocoap.numbers.codes import Code

from efuns.sockets.coap.message import LARGEST_BLOCK, Content

LIFETIME: Final = 93.0  # MAX_TRANSMIT_WAIT, RFC 7252 4.8.2
_TRANSFERS: Final = 256
_BY_HOST: Final = 16
_BYTES: Final = 16 << 20

Key = tuple[object, ...]


class _Sized(Protocol):
    @property
    def size(self) -> int: ...


T = TypeVar("T", bound=_Sized)


class Block(NamedTuple):
    """A block option: number, whether more follow, and the size as an exponent (0: 16 bytes … 6: 1024)."""

    number: int
    more: bool
    exponent: int

    @property
    def size(self) -> int:
        """Bytes of a block."""
        return int(16 << self.exponent)

    @property
    def start(self) -> int:
        """Where it begins in the body."""
        return self.number * self.size

    def shrunk(self, exponent: int) -> Block:
        """The same place in blocks no larger than an exponent says."""
        if exponent >= self.exponent:
            return self
        return Block(self.number << (self.exponent - exponent), self.more, exponent)


def block_of(option: object) -> Block | None:
    """A block option as aiocoap gives it."""
    return None if option is None else Block(*option)  # type: ignore[misc]


def exponent_of(size: int) -> int:
    """The exponent of a block size: 16, 32, … 1024."""
    return size.bit_length() - 5


def key_of(remote: str, message: Message) -> Key:
    """What the blocks of one transfer have in common (RFC 7959 2.4; Request-Tag: RFC 9175 3)."""
    options = message.opt
    accept = None if options.accept is None else int(options.accept)
    return remote, int(message.code), options.uri_path, options.uri_query, accept, options.request_tag


class _Store(Generic[T]):
    """Things by key whose first part is the remote; the oldest go when there are too many."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._kept: OrderedDict[Key, tuple[T, float]] = OrderedDict()
        self._hosts: Counter[str] = Counter()
        self._bytes = 0

    def find(self, key: Key) -> T | None:
        found = self._kept.get(key)
        if found is None or found[1] < self._now():
            return None
        return found[0]

    def keep(self, key: Key, value: T) -> None:
        """Keep it for LIFETIME from now, as the newest."""
        self.drop(key)
        host = _host_of(key)
        if self._hosts[host] >= _BY_HOST:
            self.drop(next(other for other in self._kept if _host_of(other) == host))
        now = self._now()
        while self._kept:
            oldest, (_, until) = next(iter(self._kept.items()))
            if until >= now and len(self._kept) < _TRANSFERS and self._bytes + value.size <= _BYTES:
                break
            self.drop(oldest)
        self._kept[key] = value, now + LIFETIME
        self._hosts[host] += 1
        self._bytes += value.size

    def drop(self, key: Key) -> None:
        found = self._kept.pop(key, None)
        if found is not None:
            host = _host_of(key)
            self._bytes -= found[0].size
            self._hosts[host] -= 1
            if not self._hosts[host]:
                del self._hosts[host]

    def clear(self) -> None:
        self._kept.clear()
        self._hosts.clear()
        self._bytes = 0


def _host_of(key: Key) -> str:
    return str(key[0]).partition(" ")[0]


class _Upload:
    """A body on its way; `size` is what it had when it was put into the store."""

    __slots__ = ("data", "size")

    def __init__(self, data: bytes) -> None:
        self.data = bytearray(data)
        self.size = len(data)


class UploadError(Exception):
    """A block that does not fit: `code` is the answer."""

    def __init__(self, code: int) -> None:
        super().__init__("a block does not fit")
        self.code = code


class Uploads:
    """Requests that arrive in blocks."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._store: _Store[_Upload] = _Store(now)

    def add(self, key: Key, block: Block, payload: bytes, limit: int) -> bytes | None:
        """Take a block: the whole body if it was the last, None if more are to come. Raises UploadError."""
        if block.more and len(payload) != block.size or len(payload) > block.size:
            raise UploadError(Code.BAD_REQUEST)
        if block.start + len(payload) > limit:
            self._store.drop(key)
            raise UploadError(Code.REQUEST_ENTITY_TOO_LARGE)
        upload = self._store.find(key) if block.number else _Upload(b"")
        if upload is None or len(upload.data) != block.start:
            self._store.drop(key)
            raise UploadError(Code.REQUEST_ENTITY_INCOMPLETE)
        self._store.drop(key)
        upload.data += payload
        if not block.more:
            return bytes(upload.data)
        upload.size = len(upload.data)
        self._store.keep(key, upload)
        return None

    def clear(self) -> None:
        """Forget all."""
        self._store.clear()


class _Body(NamedTuple):
    content: Content
    tag: bytes

    @property
    def size(self) -> int:
        return len(self.content.body)


class Bodies:
    """Answers that leave in blocks: what was answered stays until its last block has been fetched."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._store: _Store[_Body] = _Store(now)

    def first(self, key: Key, content: Content, block: Block, *, asked: bool) -> Message | None:
        """The block of a fresh answer that was asked for; None where there is no such block. An answer that
        fits is one block, which says so only where blocks were `asked` for."""
        if len(content.body) <= block.size and not block.number:
            made = content.message()
            if asked:
                made.opt.block2 = (0, False, block.exponent)
            return made
        body = _Body(content, _tag_of(content))
        self._store.keep(key, body)
        return self._slice(key, body, block)

    def next(self, key: Key, block: Block) -> Message | None:
        """A further block of what was answered before; None where that is forgotten."""
        body = self._store.find(key)
        return None if body is None else self._slice(key, body, block)

    def _slice(self, key: Key, body: _Body, block: Block) -> Message | None:
        content, (number, _, exponent), start = body.content, block, block.start
        if start >= len(content.body) > 0 or number >= 1 << 20:
            return None
        piece = content.body[start:start + block.size]
        more = start + len(piece) < len(content.body)
        made = content.message(body=piece)
        made.opt.block2 = (number, more, exponent)
        made.opt.etag = body.tag
        if number == 0:
            made.opt.size2 = len(content.body)
        if more:
            self._store.keep(key, body)
        return made

    def clear(self) -> None:
        """Forget all."""
        self._store.clear()


def _tag_of(content: Content) -> bytes:
    """The entity tag an answer in blocks has to have, so that blocks of two answers are not put together."""
    for name, value in content.options:
        if name == "etag":
            return bytes(value)
    import zlib

    return zlib.crc32(content.body).to_bytes(4, "big")


def wanted_block(option: Block | None, exponent: int) -> Block:
    """The block a request asks for, no larger than our own."""
    if option is None:
        return Block(0, False, min(exponent, LARGEST_BLOCK))
    return option.shrunk(exponent)
