"""Efuns about time. Times are seconds since the epoch by the driver's clock."""

from __future__ import annotations

import time as clock  # `time` is the efun
from typing import TYPE_CHECKING

from lpc.efun import efun
from lpc.errors import LPCError
from lpc.runtime.values import UNDEFINED, Value

if TYPE_CHECKING:
    from lpc.runtime.objects import LPCObject

_LONGEST_FORMAT = 4096  # strftime() makes up to 256 characters of each one


@efun("int time()")
def time(this: LPCObject) -> int:
    """Seconds since the epoch.

    Example: ctime(time())
    """
    return int(this.driver.clock.time())


@efun("int real_time()")
def real_time() -> int:
    """Seconds since the epoch by the system's clock, whatever the driver's says.

    Example: real_time() - time()
    """
    return int(clock.time())


@efun("int time_ns()")
def time_ns(this: LPCObject) -> int:
    """Nanoseconds since the epoch.

    Example: time_ns() / 1000000000 is about time()
    """
    return int(this.driver.clock.time() * 1e9)


@efun("int perf_counter_ns()")
def perf_counter_ns() -> int:
    """A counter of nanoseconds that never goes back; only differences mean something.

    Example: perf_counter_ns() - started
    """
    return clock.perf_counter_ns()


@efun("int uptime()")
def uptime(this: LPCObject) -> int:
    """Seconds since the driver started.

    Example: write("up for " + uptime() + " seconds")
    """
    return int(this.driver.clock.monotonic() - this.driver.started)


@efun("string ctime(int | void when)")
def ctime(this: LPCObject, when: int = UNDEFINED) -> str:
    """A time (now, if none is given) as text in local time.

    Example: ctime(0) is "Thu Jan  1 00:00:00 1970" where local time is UTC
    """
    moment = _local(int(this.driver.clock.time()) if when is UNDEFINED else when)
    return clock.asctime(moment) if moment else "ctime failed!"


@efun("mixed *localtime(int when)")
def localtime(when: int) -> list[Value] | int:
    """A time taken apart, in local time; see localtime.h.

    ({ second, minute, hour, day, month from 0, year, weekday from Sunday 0, day of the year from 0,
    seconds west of UTC, zone name, 1 in summer time }); undefined for a time nobody can show.

    Example: localtime(time())[LT_HOUR]
    """
    moment = _local(when)
    if moment is None:
        return UNDEFINED
    second, minute, hour, day = moment.tm_sec, moment.tm_min, moment.tm_hour, moment.tm_mday
    weekday, yearday, summer = (moment.tm_wday + 1) % 7, moment.tm_yday - 1, int(moment.tm_isdst > 0)
    return [
        second, minute, hour, day, moment.tm_mon - 1, moment.tm_year, weekday, yearday,
        clock.timezone, clock.tzname[summer], summer,
    ]  # fmt: skip


@efun("string strftime(string format, int when)")
def strftime(this: LPCObject, format: str, when: int) -> str:
    """A time in local time, by a format of %Y %m %d %H %M %S and the like; now if `when` is not positive.

    Example: strftime("%Y-%m-%d", time())
    """
    moment = _local(when if when > 0 else int(this.driver.clock.time()))
    if moment is None or len(format) > _LONGEST_FORMAT:
        raise LPCError("Invalid time passed to strftime")
    return clock.strftime(format.encode("utf-8", "replace").decode(), moment)[: this.driver.limits.string_length]


@efun("int strptime(string format, string text)")
def strptime(format: str, text: str) -> int:
    """The time a text names, read by a format as strftime() takes.

    Example: strptime("%Y-%m-%d", "2026-01-31")
    """
    if len(format) > _LONGEST_FORMAT or len(text) > _LONGEST_FORMAT:
        raise LPCError("strptime() parse failed.")
    try:
        return int(clock.mktime(clock.strptime(text, format)))
    except (ValueError, OverflowError):
        raise LPCError("strptime() parse failed.") from None


@efun("string zonetime(string zone, int when)")
def zonetime(zone: str, when: int) -> str:
    """A time as ctime() shows it, in a named time zone.

    Example: zonetime("Europe/Paris", time())
    """
    moment = _in_zone(zone, when)
    return clock.asctime(moment)


@efun("int is_daylight_savings_time(string zone, int when)")
def is_daylight_savings_time(zone: str, when: int) -> int:
    """1 if a named time zone has summer time at that time, else 0.

    Example: is_daylight_savings_time("Europe/Paris", time())
    """
    return int(_in_zone(zone, max(when, 0)).tm_isdst > 0)


def _local(when: int) -> clock.struct_time | None:
    try:
        return clock.localtime(when)
    except (OverflowError, ValueError, OSError):
        return None


def _in_zone(zone: str, when: int) -> clock.struct_time:
    from datetime import datetime
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        # zoneinfo refuses names that would leave its folder.
        return datetime.fromtimestamp(when, ZoneInfo(zone)).timetuple()
    except (ZoneInfoNotFoundError, ValueError, OverflowError, OSError):
        raise LPCError("bad argument to zonetime.") from None
