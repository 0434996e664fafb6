"""A token set that the main platform has obtained itself and hands over, sealed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.errors import SecretUnreadable
from domain.model.ids import ClinicId
from domain.model.tokens import Secret, TokenSet

LONGEST = timedelta(days=1)
"""A handover is for now; one that claims to be good for longer is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver:
    """What was sealed: for which clinic, until when the handover is good, and the tokens."""

    clinic_id: ClinicId
    expires_at: datetime
    access_token: Secret
    refresh_token: Secret
    access_expires_at: datetime
    scopes: frozenset[str]

    def tokens(self, clinic_id: ClinicId, now: datetime) -> TokenSet:
        """The token set, for this clinic at this time (T8). Raises SecretUnreadable."""
        if self.clinic_id != clinic_id:
            raise SecretUnreadable("the token set was sealed for another clinic")
        if not now < self.expires_at <= now + LONGEST:
            raise SecretUnreadable("the sealed token set has expired, or claims to be good for too long")
        if not self.access_token or not self.refresh_token:
            raise SecretUnreadable("a token set holds both tokens")
        return TokenSet(
            access_token=self.access_token,
            refresh_token=self.refresh_token,
            life=self.access_expires_at - now,
            scopes=self.scopes,
        )
