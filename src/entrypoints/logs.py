"""
Logs: JSON lines for machines, colours for people, and the same few keys in both.

Only the keys below are ever written. Exceptions are told by class and place: their texts quote rows, bodies
and arguments, unless they are our own. Other libraries' records keep their template and lose their arguments.
"""

import logging
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Lock
from typing import Any, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, WrappedLogger

from domain.errors import ServiceError

NAME = "allie_xero"
"""Our own records' logger."""

KEYS = frozenset(
    {
        "event",
        "level",
        "timestamp",
        "logger",
        "process",
        "message_id",
        "actor",
        "queue",
        "trace_id",
        "span_id",
        "clinic_id",
        "connection_id",
        "event_type",
        "event_id",
        "outcome",
        "reason",
        "code",
        "method",
        "path",
        "status",
        "seconds",
        "wire_bytes",
        "correlation_id",
        "count",
        "error",
        "why",
        "where",
        "address",
        "version",
    }
)


Redacted = Callable[[str], None]
"""Told of everything that was kept out of the logs, by where it came from: key, exception or library."""

INTERNAL = frozenset({"_record", "_from_structlog"})
"""What structlog itself adds on the way, and takes off in the end."""

KNOWN = KEYS | INTERNAL


class OnlyKnownKeys:
    """Drops what is not on the list; keys without a value are left out too."""

    def __init__(self, redacted: Redacted) -> None:
        self._redacted = redacted

    def __call__(self, _logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
        """Let only known keys through."""
        for _ in event.keys() - KNOWN:
            self._redacted("key")
        return {key: value for key, value in event.items() if key in KNOWN and value is not None}


class QuietExceptions:
    """Tells an exception by class and place; its text only if it is our own."""

    def __init__(self, redacted: Redacted) -> None:
        self._redacted = redacted

    def __call__(self, _logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
        """Take the exception apart."""
        error = _exception_of(event.pop("exc_info", None))
        if error is not None:
            event["error"] = type(error).__name__
            frames = traceback.walk_tb(error.__traceback__)  # extract_tb keeps every file's text for good
            event["where"] = [f"{frame.f_code.co_name}:{line}" for frame, line in frames][-6:]
            if isinstance(error, ServiceError):
                event["why"] = str(error)
            else:
                self._redacted("exception")
        return event


def _exception_of(exc_info: object) -> BaseException | None:
    """The exception in any of the forms in which logging hands it on."""
    found = sys.exc_info() if exc_info is True else exc_info
    error = found[1] if isinstance(found, tuple) else found
    return error if isinstance(error, BaseException) else None


class OnlyTemplates(logging.Filter):
    """Another library's record: its template without its arguments, which quote messages and errors."""

    def __init__(self, redacted: Redacted) -> None:
        super().__init__()
        self._redacted = redacted

    def filter(self, record: logging.LogRecord) -> bool:
        """Let the record through, without what it quotes."""
        if not isinstance(record.msg, dict):
            if record.args:
                self._redacted("library")
            record.msg = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
            record.args = ()
        return True


class Lines:
    """
    Writes finished lines to wherever this process logs.

    Our own records come here straight from structlog: the way through `logging` costs five times the CPU, and
    every call to Xero is a line.
    """

    def __init__(self) -> None:
        self.stream: TextIO = sys.stdout
        self._lock = Lock()

    def write(self, line: str) -> None:
        """Write one line, whole."""
        with self._lock:
            self.stream.write(f"{line}\n")
            self.stream.flush()

    debug = info = warning = error = critical = write
    """structlog calls a logger by the name of the level."""


LINES = Lines()
"""One for the process, whatever `configure` was told last."""


def _json(value: object, **_options: object) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()


def configure(
    log_format: str,
    process: str,
    stream: TextIO | None = None,
    *,
    redacted: Redacted = lambda _surface: None,
) -> None:
    """Set up logging for this process: `json` or `console`, to standard output if nowhere else."""

    def stamp(_logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
        """In one step what structlog has three for: every call to Xero is a line."""
        event["level"] = name
        event["timestamp"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        event["process"] = process
        event.setdefault("logger", NAME)  # another library's record has its own
        return event

    safe: list[Any] = [
        stamp,
        QuietExceptions(redacted),
        OnlyKnownKeys(redacted),
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer(serializer=_json)
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(pad_event_to=28)
    )
    merged = structlog.contextvars.merge_contextvars
    LINES.stream = stream or sys.stdout
    structlog.configure(
        processors=[merged, *safe, renderer],
        logger_factory=lambda *_: LINES,
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(LINES.stream)
    handler.addFilter(OnlyTemplates(redacted))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[merged, structlog.stdlib.add_logger_name, *safe],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in ("dramatiq", "pika", "alembic", "urllib3", "xero_python", "sqlalchemy"):
        logging.getLogger(name).setLevel(logging.WARNING)
