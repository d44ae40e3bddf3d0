"""The EE* codes that socket efuns answer with: one row each (number, name, text of socket_error()).

EESUCCESS is 1, every failure is negative. include/socket_err.h and socket_error() come from ROWS. There
are no codes beyond FluffOS's own: what a code cannot say goes into the reason of the third callback and
into the read-only option SO_LAST_ERROR.
"""

from __future__ import annotations

import errno
from typing import Final, NamedTuple

EESUCCESS: Final = 1
EESOCKET: Final = -1
EESETSOCKOPT: Final = -2
EENONBLOCK: Final = -3
EENOSOCKS: Final = -4
EEFDRANGE: Final = -5
EEBADF: Final = -6
EESECURITY: Final = -7
EEISBOUND: Final = -8
EEADDRINUSE: Final = -9
EEBIND: Final = -10
EEGETSOCKNAME: Final = -11
EEMODENOTSUPP: Final = -12
EENOADDR: Final = -13
EEISCONN: Final = -14
EELISTEN: Final = -15
EENOTLISTN: Final = -16
EEWOULDBLOCK: Final = -17
EEINTR: Final = -18
EEACCEPT: Final = -19
EEISLISTEN: Final = -20
EEBADADDR: Final = -21
EEALREADY: Final = -22
EECONNREFUSED: Final = -23
EECONNECT: Final = -24
EENOTCONN: Final = -25
EETYPENOTSUPP: Final = -26
EESENDTO: Final = -27
EESEND: Final = -28
EECALLBACK: Final = -29
EESOCKRLSD: Final = -30
EESOCKNOTRLSD: Final = -31
EEBADDATA: Final = -32

INVALID_NUMBER: Final = "socket_error: invalid error number"


class ErrorCode(NamedTuple):
    """One failure code. `text` is what socket_error() says."""

    number: int
    name: str
    text: str


ROWS: Final = (
    ErrorCode(EESOCKET, "EESOCKET", "Problem creating socket"),
    ErrorCode(EESETSOCKOPT, "EESETSOCKOPT", "Problem with setsockopt"),
    ErrorCode(EENONBLOCK, "EENONBLOCK", "Problem setting non-blocking mode"),
    ErrorCode(EENOSOCKS, "EENOSOCKS", "No more available efun sockets"),
    ErrorCode(EEFDRANGE, "EEFDRANGE", "Descriptor out of range"),
    ErrorCode(EEBADF, "EEBADF", "Socket is closed"),
    ErrorCode(EESECURITY, "EESECURITY", "Security violation attempted"),
    ErrorCode(EEISBOUND, "EEISBOUND", "Socket is already bound"),
    ErrorCode(EEADDRINUSE, "EEADDRINUSE", "Address already in use"),
    ErrorCode(EEBIND, "EEBIND", "Problem with bind"),
    ErrorCode(EEGETSOCKNAME, "EEGETSOCKNAME", "Problem with getsockname"),
    ErrorCode(EEMODENOTSUPP, "EEMODENOTSUPP", "Socket mode not supported"),
    ErrorCode(EENOADDR, "EENOADDR", "Socket not bound to an address"),
    ErrorCode(EEISCONN, "EEISCONN", "Socket is already connected"),
    ErrorCode(EELISTEN, "EELISTEN", "Problem with listen"),
    ErrorCode(EENOTLISTN, "EENOTLISTN", "Socket not listening"),
    ErrorCode(EEWOULDBLOCK, "EEWOULDBLOCK", "Operation would block"),
    ErrorCode(EEINTR, "EEINTR", "Interrupted system call"),
    ErrorCode(EEACCEPT, "EEACCEPT", "Problem with accept"),
    ErrorCode(EEISLISTEN, "EEISLISTEN", "Socket is listening"),
    ErrorCode(EEBADADDR, "EEBADADDR", "Problem with address format"),
    ErrorCode(EEALREADY, "EEALREADY", "Operation already in progress"),
    ErrorCode(EECONNREFUSED, "EECONNREFUSED", "Connection refused"),
    ErrorCode(EECONNECT, "EECONNECT", "Problem with connect"),
    ErrorCode(EENOTCONN, "EENOTCONN", "Socket not connected"),
    ErrorCode(EETYPENOTSUPP, "EETYPENOTSUPP", "Object type not supported"),
    ErrorCode(EESENDTO, "EESENDTO", "Problem with sendto"),
    ErrorCode(EESEND, "EESEND", "Problem with send"),
    ErrorCode(EECALLBACK, "EECALLBACK", "Wait for callback"),
    ErrorCode(EESOCKRLSD, "EESOCKRLSD", "Socket already released"),
    ErrorCode(EESOCKNOTRLSD, "EESOCKNOTRLSD", "Socket not released"),
    ErrorCode(EEBADDATA, "EEBADDATA", "Data nested too deeply"),
)

#: what the operating system says, in EE* terms, whatever was attempted
_BY_ERRNO: Final = {
    errno.EACCES: EESECURITY,
    errno.EPERM: EESECURITY,
    errno.EADDRINUSE: EEADDRINUSE,
    errno.ECONNREFUSED: EECONNREFUSED,
    errno.EALREADY: EEALREADY,
    errno.EAGAIN: EEWOULDBLOCK,
    errno.EINTR: EEINTR,
    errno.EMFILE: EENOSOCKS,
    errno.ENFILE: EENOSOCKS,
    errno.ENOBUFS: EENOSOCKS,
    errno.ENOMEM: EENOSOCKS,
}


def text_of(number: int) -> str:
    """What socket_error() answers."""
    at = -number - 1
    return ROWS[at].text if 0 <= at < len(ROWS) else INVALID_NUMBER


def code_for(error: OSError, *, otherwise: int) -> int:
    """The code for an operating system error; `otherwise` is the general code of what was attempted."""
    return _BY_ERRNO.get(error.errno or 0, otherwise)
