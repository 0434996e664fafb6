"""Install a Debian package without letting its daemon start."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from entrypoints.local.process import LocalServiceError

#: Asked before a package starts a service: https://www.debian.org/doc/debian-policy/ch-opersys.html
POLICY: Final = Path("/usr/sbin/policy-rc.d")
_DENY: Final = "#!/bin/sh\nexit 101\n"


def can_install() -> bool:
    """Whether this is root on Debian or one of its children."""
    return os.geteuid() == 0 and Path("/etc/debian_version").exists() and _apt() is not None


def install(package: str) -> None:
    """
    Install a package, with no service started.

    Raises:
        LocalServiceError: apt-get failed; the message ends with what it said.
    """
    with services_kept_from_starting(POLICY):
        _run("update", "-q")
        _run("install", "-q", "-y", "--no-install-recommends", package)


@contextmanager
def services_kept_from_starting(policy: Path) -> Iterator[None]:
    """Deny every start of a service for a while, then put the policy back as it was."""
    kept = policy.with_name(f"{policy.name}.allie-xero")
    existed = policy.exists()
    if existed:
        policy.replace(kept)
    try:
        policy.write_text(_DENY)
        policy.chmod(0o755)
        yield
    finally:
        if existed:
            kept.replace(policy)
        else:
            policy.unlink()


def _apt() -> str | None:
    return shutil.which("apt-get")


def _run(*arguments: str) -> None:
    done = subprocess.run(
        ["apt-get", "-o", "DPkg::Lock::Timeout=300", *arguments],
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise LocalServiceError(f"apt-get {arguments[0]} failed:\n{done.stdout[-1500:]}")
