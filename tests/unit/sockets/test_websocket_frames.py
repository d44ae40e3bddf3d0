"""Frames without sockets, with the library websockets as the oracle: it reads what we write, we read what it writes,
however the bytes are cut; and whatever comes, the reader ends in words, not in a traceback."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Opcode
from websockets.protocol import OPEN, Protocol
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from efuns.sockets.websocket import frames
from efuns.sockets.websocket.frames import BINARY, PING, TEXT, Close, Control, Deflate, FrameError, Reader, Writer

MESSAGES = st.lists(st.one_of(st.text(max_size=300), st.binary(max_size=300)), max_size=8)
DEFLATES = st.one_of(st.none(), st.builds(
    Deflate, st.integers(9, 15), st.integers(9, 15), st.booleans(), st.booleans()))


def library(*, is_server: bool, deflate: Deflate | None) -> Protocol:
    """The library's end of a connection that is open."""
    made: Protocol = ServerProtocol(state=OPEN, max_size=None) if is_server else ClientProtocol(
        parse_uri("ws://localhost/"), state=OPEN, max_size=None)
    if deflate is not None:  # seen from us
        ours, theirs, we_forget, they_forget = deflate
        made.extensions = [PerMessageDeflate(we_forget, they_forget, ours, theirs)]
    return made


def pieces(data: bytes, seed: int) -> list[bytes]:
    """The data cut anywhere."""
    source, cut = random.Random(seed), []
    while data:
        size = source.choice((1, 2, 3, 5, 100, 1000))
        cut.append(data[:size])
        data = data[size:]
    return cut


def read_all(reader: Reader, data: list[bytes]) -> list[Any]:
    events = []
    for piece in data:
        event = reader.read(piece)
        while event is not None:
            events.append(event)
            event = reader.next()
    return events


@settings(max_examples=150, deadline=None)
@given(messages=MESSAGES, deflate=DEFLATES, is_server=st.booleans(), seed=st.integers(0, 1000))
def test_we_read_what_the_library_writes(messages: list[str | bytes], deflate: Deflate | None, is_server: bool,
                                         seed: int) -> None:
    theirs = library(is_server=not is_server, deflate=deflate)
    source = random.Random(seed)
    for message in messages:
        data = message.encode() if isinstance(message, str) else message
        cut = source.randrange(len(data) + 1)
        if source.random() < 0.5:
            (theirs.send_text if isinstance(message, str) else theirs.send_binary)(data)
        else:
            (theirs.send_text if isinstance(message, str) else theirs.send_binary)(data[:cut], False)
            theirs.send_ping(b"between")
            theirs.send_continuation(data[cut:], True)
    reader = Reader(is_server=is_server, max_message=1000, deflate=deflate)
    events = read_all(reader, pieces(b"".join(theirs.data_to_send()), seed))
    assert [event for event in events if not isinstance(event, Control)] == messages
    assert not reader.is_partial and not reader.has_more


@settings(max_examples=150, deadline=None)
@given(messages=MESSAGES, deflate=DEFLATES, is_client=st.booleans(), most=st.sampled_from([0, 1, 7, 126]))
def test_the_library_reads_what_we_write(messages: list[str | bytes], deflate: Deflate | None, is_client: bool,
                                         most: int) -> None:
    theirs = library(is_server=is_client, deflate=deflate)
    writer = Writer(is_client=is_client, max_frame=most, deflate=deflate)
    for message in messages:
        is_text = isinstance(message, str)
        data = message.encode() if isinstance(message, str) else message
        theirs.receive_data(writer.message(TEXT if is_text else BINARY, data) + writer.control(PING, b"p"))
    assert theirs.parser_exc is None
    got: list[bytes] = []
    kinds: list[bool] = []
    for event in theirs.events_received():
        opcode = event.opcode  # type: ignore[union-attr]
        if opcode in (Opcode.TEXT, Opcode.BINARY):
            kinds.append(opcode is Opcode.TEXT)
            got.append(b"")
        if opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            got[-1] += event.data  # type: ignore[union-attr]
    assert kinds == [isinstance(message, str) for message in messages]
    assert got == [message.encode() if isinstance(message, str) else message for message in messages]


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=400), deflate=DEFLATES, is_server=st.booleans(), is_stream=st.booleans(),
       seed=st.integers(0, 100))
def test_anything_at_all(data: bytes, deflate: Deflate | None, is_server: bool, is_stream: bool, seed: int) -> None:
    outcomes = []
    for cut in ([data], pieces(data, seed)):
        reader = Reader(is_server=is_server, max_message=200, max_frame=100, deflate=deflate, is_stream=is_stream)
        events: list[Any] = []
        code = 0
        try:
            for event in cut:
                events += read_all(reader, [event])
        except FrameError as error:
            code = error.code
            assert code in (1002, 1007, 1009, *([1003] if is_stream else [])) and error.reason
            assert reader.next() is None  # it is over
            assert reader.read(b"\x81\x80abcd") is None
        outcomes.append((code, reader.is_over))
        assert is_stream or all(len(event) <= 200 for event in events if isinstance(event, (str, bytes)))
    assert outcomes[0] == outcomes[1]


def test_a_close_ends_the_reader() -> None:
    reader = Reader(is_server=False, max_message=200)
    assert reader.read(b"\x88\x02\x03\xe8\x81\x01x") == Close(1000, "", b"\x03\xe8")
    assert reader.is_over and reader.next() is None and reader.read(b"\x81\x01x") is None
    assert not reader.has_more


@pytest.mark.parametrize("code", [*range(990, 1020), 2999, 3000, 4999, 5000])
def test_close_codes_are_those_of_the_registry(code: int) -> None:
    expected = code in (1000, 1001, 1002, 1003, *range(1007, 1015), 3000, 4999)
    assert frames.is_close_code(code) is expected


def test_a_reason_is_cut_between_characters() -> None:
    payload = frames.close_payload(1002, "ü" * 100)
    assert len(payload) == 124 and payload[2:].decode() == "ü" * 61


def test_masks_differ() -> None:
    writer = Writer(is_client=True)
    assert len({writer.message(TEXT, b"same")[2:6] for _ in range(50)}) > 40


@pytest.mark.parametrize(("deflate", "is_smaller"), [(Deflate(), True), (Deflate(we_forget=True), False)])
def test_a_context_is_kept_or_not(deflate: Deflate, is_smaller: bool) -> None:
    writer = Writer(is_client=False, deflate=deflate)
    text = bytes(range(32, 127))
    first, second = writer.message(TEXT, text), writer.message(TEXT, text)
    assert (len(second) < len(first)) is is_smaller
