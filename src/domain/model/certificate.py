"""A statement of what was destroyed, for the clinic and its privacy officer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.model.ids import ClinicId, ConnectionId


class Erased(StrEnum):
    """What a certificate speaks of."""

    TOKENS = "tokens"
    PAYROLL = "payroll"


class Revocation(StrEnum):
    """What Xero was told before the tokens were destroyed."""

    REVOKED = "revoked"
    CONNECTION_DELETED = "connection_deleted"
    ALREADY_WITHDRAWN = "already_withdrawn"
    NOT_NEEDED = "not_needed"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """
    What was destroyed, and when.

    `key_id` is the data key that no longer exists: copies of the ciphertext in backups cannot be opened
    without it. `rows` counts deleted rows by table.
    """

    clinic_id: ClinicId
    connection_id: ConnectionId
    erased: Erased
    at: datetime
    key_id: str | None = None
    revocation: Revocation | None = None
    rows: Mapping[str, int] = field(default_factory=dict)
