"""What the next calls of a fake should come to, other than what it does by itself."""

from collections import deque
from dataclasses import dataclass, field

from domain.errors import AnswerLost


@dataclass
class Script:
    """Errors to raise in place of an answer, by what is asked; `calls` are all that were made."""

    calls: list[str] = field(default_factory=list)
    _errors: dict[str, deque[Exception]] = field(default_factory=dict)
    _lost: set[str] = field(default_factory=set)

    def fail(self, what: str, *errors: Exception) -> None:
        """The next calls fail, one after the other, without any effect."""
        self._errors.setdefault(what, deque()).extend(errors)

    def lose(self, what: str) -> None:
        """The next call has its effect, but its answer never arrives."""
        self._lost.add(what)

    def begin(self, what: str) -> None:
        """Note a call, and raise what is written for it."""
        self.calls.append(what)
        if self._errors.get(what):
            raise self._errors[what].popleft()

    def end(self, what: str) -> None:
        """The call had its effect."""
        if what in self._lost:
            self._lost.discard(what)
            raise AnswerLost("no answer")
