"""The simulator's own time: real time plus an offset, or standing still."""

from datetime import UTC, datetime, timedelta


class Clock:
    """A clock that can be advanced and frozen; every expiry and window of the simulator reads it."""

    def __init__(self) -> None:
        self._offset = timedelta()
        self._frozen: datetime | None = None

    def __call__(self) -> datetime:
        """Now, in UTC."""
        return self._frozen or datetime.now(UTC) + self._offset

    def advance(self, by: timedelta) -> datetime:
        """Move on (or back) and return the new now."""
        self._offset += by
        if self._frozen:
            self._frozen += by
        return self()

    def freeze(self, at: datetime | None = None) -> datetime:
        """Stand still at `at`, or at the present moment."""
        self._frozen = at or self()
        return self._frozen

    def thaw(self) -> datetime:
        """Run again from where the clock stands."""
        if self._frozen:
            self._offset = self._frozen - datetime.now(UTC)
            self._frozen = None
        return self()

    @property
    def is_frozen(self) -> bool:
        """Whether the clock stands still."""
        return self._frozen is not None
