"""How far the data keys have been moved to the key-encryption key that is primary now."""

from dataclasses import dataclass
from typing import Self

from domain.model.ids import CredentialId


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrapped:
    """How many data keys were moved, how many cannot be opened, and the last row; None at the end."""

    moved: int = 0
    unreadable: int = 0
    last: CredentialId | None = None

    def plus(self, other: Self) -> Self:
        """This and what came after it."""
        return type(self)(
            moved=self.moved + other.moved,
            unreadable=self.unreadable + other.unreadable,
            last=other.last,
        )
