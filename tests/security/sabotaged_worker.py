"""The worker with logging as most have it: no list of keys, no redaction, talkative libraries."""

import logging
import sys
from typing import Any

from entrypoints import logs


def configure(*_: Any, **__: Any) -> None:
    """In the place of `entrypoints.logs.configure`."""
    logging.basicConfig(level=logging.DEBUG, stream=sys.stdout, force=True)


setattr(logs, "configure", configure)  # noqa: B010 - mypy lets no function be replaced

from entrypoints.worker import broker  # noqa: E402 - with the logging that it is to have

__all__ = ["broker"]
