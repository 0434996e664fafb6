"""What every private service can do: start, stop, crash, restart and leave nothing behind."""

import shutil
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from entrypoints.local.process import GuardedProcess


class Service(Protocol):
    """A service that can be used, whoever started it."""

    @property
    def url(self) -> str:
        """Where it is, with name and password."""
        ...

    @property
    def description(self) -> str:
        """What it is, for people, without the password."""
        ...

    def close(self) -> None:
        """Stop it and remove what it kept, if this program started it."""
        ...


class PrivateService(ABC):
    """
    A server process with a folder of its own; a context manager that starts and closes it.

    Attributes:
        folder: holds everything the service keeps; removed on close.
        log: the server's output.
        description: what it is, for people.
    """

    description: str

    def __init__(self, name: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"allie-xero-{name}-"))
        self.log = self.folder / "log"
        self._process: GuardedProcess | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Where it is, with name and password."""

    @abstractmethod
    def start(self) -> None:
        """
        Start on the service's folder and ports, and return when it takes connections.

        Raises:
            LocalServiceError: it did not start; the message ends with its log.
        """

    def stop(self) -> None:
        """Stop in good order; the data stays for the next start."""
        if self._process is not None:
            self._process.stop()

    def kill(self) -> None:
        """Crash: SIGKILL, nothing is written or said any more."""
        if self._process is not None:
            self._process.kill()

    def restart(self) -> None:
        """Stop, then start on the same data and ports."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop and remove everything."""
        self.stop()
        if self.folder.exists():
            shutil.rmtree(self.folder)

    def open(self) -> Self:
        """Start and return itself; what cannot start leaves nothing behind either."""
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __enter__(self) -> Self:
        """Start, as `open` does."""
        return self.open()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close, whatever happened."""
        self.close()
