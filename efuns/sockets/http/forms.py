"""multipart/form-data bodies (RFC 7578): fields and files. The library python-multipart reads the parts."""

from __future__ import annotations

import logging
from typing import Final

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from efuns.sockets.http.message import MAX_FIELDS, add_field
from lpc.runtime.values import Buffer, Mapping

_MAX_HEAD: Final = 8 << 10
#: the library logs what is wrong with a form, which is for clients to decide
_SILENT: Final = logging.Logger(__name__, logging.CRITICAL + 1)


class FormError(Exception):
    """A body that is not what its type says."""


class _Form:
    """Collects the parts; a part is read as a whole."""

    def __init__(self) -> None:
        self.fields = Mapping()
        self.files = Mapping()
        self.is_complete = False
        self._parts = 0
        self._headers: dict[bytes, bytes] = {}
        self._head_size = 0
        self._name = self._value = b""
        self._data = bytearray()

    def begin(self) -> None:
        self._parts += 1
        if self._parts > MAX_FIELDS:
            raise FormError("The form has too many parts")
        self._headers = {}
        self._head_size = 0
        self._name = self._value = b""
        self._data = bytearray()

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._head_size += len(self._name) + len(self._value)
        if self._head_size > _MAX_HEAD:
            raise FormError("A part of the form has too many headers")
        self._name = self._value = b""

    def data(self, data: bytes, start: int, end: int) -> None:
        self._data += data[start:end]

    def end(self) -> None:
        kind, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if kind != b"form-data" or b"name" not in options:
            raise FormError("A part of the form has no name")
        name = options[b"name"].decode("utf-8", "replace")
        if b"filename" not in options:
            add_field(self.fields, name, self._data.decode("utf-8", "replace"))
            return
        add_field(self.files, name, Mapping(
            filename=options[b"filename"].decode("utf-8", "replace"), body=Buffer(self._data),
            content_type=self._headers.get(b"content-type", b"application/octet-stream").decode("latin-1")))

    def complete(self) -> None:
        self.is_complete = True


def read_form(content_type: str, body: bytes) -> tuple[Mapping, Mapping]:
    """Fields (strings) and files ((["filename", "content_type", "body"])) by name. Raises FormError."""
    boundary = parse_options_header(content_type.encode())[1].get(b"boundary", b"")
    if not 0 < len(boundary) <= 70:  # RFC 2046 5.1.1
        raise FormError("The form names no boundary")
    form = _Form()
    try:
        parser = MultipartParser(boundary, {
            "on_part_begin": form.begin, "on_part_data": form.data, "on_part_end": form.end,
            "on_header_field": form.header_name, "on_header_value": form.header_value,
            "on_header_end": form.header_end, "on_end": form.complete})
        parser.logger = _SILENT
        parser.write(body)
        parser.finalize()
    except MultipartParseError:
        raise FormError("The form is malformed") from None
    if not form.is_complete:
        raise FormError("The form is cut short")
    return form.fields, form.files
