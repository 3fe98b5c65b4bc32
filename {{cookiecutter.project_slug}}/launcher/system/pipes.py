"""Pipes that a child inherits. When a process is gone, the other end of its pipe notices."""

import os
import sys


def bequeath(descriptor: int) -> str:
    """Let a child inherit it, and return the number by which `inherited` finds it."""
    os.set_inheritable(descriptor, True)
    if sys.platform == "win32":  # where a child inherits handles
        import msvcrt

        return str(msvcrt.get_osfhandle(descriptor))
    return str(descriptor)


def inherited(number: str, flags: int) -> int:
    """Return the descriptor, which this process's own children do not inherit."""
    descriptor = int(number)
    if sys.platform == "win32":
        import msvcrt

        descriptor = msvcrt.open_osfhandle(descriptor, flags)
    os.set_inheritable(descriptor, False)
    return descriptor
