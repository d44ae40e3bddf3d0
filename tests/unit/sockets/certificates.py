"""Certificates for the tests of TLS: an authority, servers and clients it vouches for, made anew each run."""

from __future__ import annotations

import ssl
from datetime import datetime
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

_LONGER_AGO, _LONG_AGO = datetime(2019, 1, 1), datetime(2020, 1, 1)


class Certificates:
    """PEM files in a folder: ca, server (localhost, 127.0.0.1), other (example.org), client, expired (localhost),
    stranger (another authority's), stranger_ca, each NAME.pem with NAME.key where it has a key; locked.key is the
    server's under a password."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        authority, other_authority = trustme.CA(), trustme.CA()
        authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        other_authority.cert_pem.write_to_path(str(folder / "stranger_ca.pem"))
        for name, issuer, names, end in (("server", authority, ("localhost", "127.0.0.1", "::1"), None),
                                         ("other", authority, ("example.org",), None),
                                         ("client", authority, ("somebody@example.org",), None),
                                         ("expired", authority, ("localhost", "127.0.0.1"), _LONG_AGO),
                                         ("stranger", other_authority, ("localhost",), None)):
            made = issuer.issue_cert(*names, not_before=_LONGER_AGO, not_after=end)
            made.private_key_pem.write_to_path(str(folder / f"{name}.key"))
            (folder / f"{name}.pem").write_bytes(b"".join(pem.bytes() for pem in made.cert_chain_pems))

        key = load_pem_private_key((folder / "server.key").read_bytes(), None)
        locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
        (folder / "locked.key").write_bytes(locked)

    def path(self, name: str) -> str:
        """The host path of a file."""
        return str(self.folder / name)

    def client_context(self, *, certificate: str = "") -> ssl.SSLContext:
        """For a Python client that believes the authority."""
        context = ssl.create_default_context(cafile=self.path("ca.pem"))
        if certificate:
            context.load_cert_chain(self.path(f"{certificate}.pem"), self.path(f"{certificate}.key"))
        return context

    def server_context(self, name: str = "server", *, asks: bool = False) -> ssl.SSLContext:
        """For a Python server."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path(f"{name}.pem"), self.path(f"{name}.key"))
        if asks:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.path("ca.pem"))
        return context
