"""Which key ring a process uses: a file, a directory of mounted secrets, or the environment."""

from pathlib import Path

import structlog

from adapters.crypto.documents import KeyRingInvalid
from adapters.crypto.sources import DirectorySource, FileSource, KeyRingSource, LiveKeyRing, TextSource
from domain.model.tokens import Secret
from entrypoints.settings import Settings

log = structlog.get_logger("allie_xero")


def source_of(text: Secret | None, path: Path | None) -> KeyRingSource:
    """Where the ring is: the text itself, or a file or directory. Raises KeyRingInvalid if it is nowhere."""
    if text is not None:
        return TextSource(text.reveal())
    if path is None:
        raise KeyRingInvalid("no key ring is named; set ALLIE_XERO_KEYRING_FILE")
    return DirectorySource(path) if path.is_dir() else FileSource(path)


def key_ring(settings: Settings) -> LiveKeyRing:
    """The key ring that the settings point at; it follows its changes. Raises KeyRingInvalid."""
    return LiveKeyRing(source_of(settings.keyring, settings.keyring_file), _complain)


def _complain(problem: KeyRingInvalid) -> None:
    log.error("key ring not reloaded", code=str(problem))
