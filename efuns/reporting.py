"""Efuns that tell of the driver itself: its size, its host, its load."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lpc.efun import efun

if TYPE_CHECKING:
    from lpc.runtime.objects import LPCObject

_KIB = 1024


@efun("int memory_info(object | void ob)")
def memory_info(this: LPCObject, ob: LPCObject | None = None) -> int:
    """The most memory the process has used, in bytes; of an object: roughly what its variables take.

    Example: memory_info()
    """
    if ob is None:
        import resource  # start-up does not need it

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB
    return ob.__sizeof__() + ob.__dict__.__sizeof__()


@efun("string mud_status(int details = 0)")
def mud_status(this: LPCObject, details: int = 0) -> str:
    """Some lines on what the driver holds.

    Example: write(mud_status())
    """
    objects = this.driver.objects()
    programs = len({id(ob.program) for ob in objects})
    lines = [f"Objects:     {len(objects)}", f"Programs:    {programs}",
             f"Call outs:   {len(this.driver.scheduler.pending())}",
             f"Memory:      {memory_info(this)} bytes"]
    if details:
        lines.append(f"Clones:      {sum(ob.clone_number > 0 for ob in objects)}")
    return "".join(line + "\n" for line in lines)


@efun("string malloc_status()")
def malloc_status(this: LPCObject) -> str:
    """A line on the memory of the process.

    Example: write(malloc_status())
    """
    return f"Memory: {memory_info(this)} bytes at most\n"


@efun("string query_host_name()")
def query_host_name() -> str:
    """The name of the machine.

    Example: write(query_host_name())
    """
    return os.uname().nodename


@efun("string query_load_average()")
def query_load_average() -> str:
    """The load of the machine in the last minute, five and fifteen minutes.

    Example: write(query_load_average())
    """
    try:
        averages = os.getloadavg()
    except OSError:
        return "unknown"
    return "{:.2f} {:.2f} {:.2f}".format(*averages)
