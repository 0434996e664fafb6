"""Processes whose clock is wrong, by Debian's libfaketime (https://github.com/wolfcw/libfaketime)."""

from datetime import timedelta
from pathlib import Path

from entrypoints.local import debian
from services.needs import leave_out

PACKAGE = "libfaketime"
LIBRARY = "faketime/libfaketimeMT.so.1"


def wrong_clock(by: timedelta) -> dict[str, str]:
    """
    Environment of a process that lives ahead of the time.

    Its monotonic clock is moved with it, which nobody can notice, and only ahead, for on a machine that has
    just started it must not become negative. Left alone (`DONT_FAKE_MONOTONIC`), the library hands
    `clock_nanosleep` an invalid time, and every `time.sleep` ends with EINVAL.
    """
    assert by > timedelta()
    return {"LD_PRELOAD": str(_library()), "FAKETIME": offset(by)}


def jumping_clock(said_in: Path) -> dict[str, str]:
    """
    Environment of a process whose clock is wrong by what a file says at every moment.

    Its monotonic clock stays, or it would jump as well: for processes that do not sleep; see `wrong_clock`.
    """
    return {
        "LD_PRELOAD": str(_library()),
        "FAKETIME_TIMESTAMP_FILE": str(said_in),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


def offset(by: timedelta) -> str:
    """In the library's words."""
    return f"{by.total_seconds():+.0f}"


def _library() -> Path:
    if not _installed() and debian.can_install():
        debian.install(PACKAGE)
    found = _installed()
    if not found:
        leave_out(f"no wrong clocks: install the package {PACKAGE}")
    return found[0]


def _installed() -> list[Path]:
    return sorted(Path("/usr/lib").glob(f"*/{LIBRARY}"))
