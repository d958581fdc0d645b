"""Run a program as another account: `python -I unprivileged.py UID GID PROGRAM ARGUMENT...`.

PostgreSQL refuses to run as root, and root's folders (its home, ours of mode 700, the environment
with PostgreSQL's own binaries) are closed to every other account. So the program gets another
account and, of root's powers, only the one to pass closed folders (CAP_DAC_OVERRIDE). Linux only.
Run as a file by root, it imports nothing but the standard library.
"""

import ctypes
import os
import sys
from pathlib import Path

CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_SETGID, CAP_SETUID = 0, 1, 6, 7
NEEDED = {
    "CAP_CHOWN": CAP_CHOWN,
    "CAP_DAC_OVERRIDE": CAP_DAC_OVERRIDE,
    "CAP_SETGID": CAP_SETGID,
    "CAP_SETUID": CAP_SETUID,
}

# linux/prctl.h and linux/capability.h
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAPABILITY_VERSION_3 = 0x20080522


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def missing_capabilities() -> list[str]:
    """Return the names of the powers that this process lacks for handing a program over."""
    status = Path("/proc/self/status").read_text()
    effective = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    held = int(effective.split()[1], 16)
    return [name for name, bit in NEEDED.items() if not held & 1 << bit]


def _become(uid: int, gid: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    _checked(libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0))
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    only = 1 << CAP_DAC_OVERRIDE
    sets = (_Sets * 2)(_Sets(only, only, only), _Sets(0, 0, 0))
    _checked(libc.capset(ctypes.byref(_Header(_CAPABILITY_VERSION_3, 0)), sets))
    _checked(libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0))


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    _become(int(sys.argv[1]), int(sys.argv[2]))
    os.execv(sys.argv[3], sys.argv[3:])  # noqa: S606 (no shell wanted)
