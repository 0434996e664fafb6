"""What was asked of the simulator: every request, in a bounded memory."""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatch


@dataclass(slots=True, kw_only=True)
class Visit:
    """
    One request and its answer.

    `bytes_sent` is what went over the wire, head included; `bytes_decoded` is the body before compression.
    The in-flight counts include this request. `overlap` tells that another token request of the same
    token family was in flight. A status of 0 means that no answer was sent (yet).
    """

    seq: int
    at: datetime
    method: str
    path: str
    query: str
    tenant: str | None
    in_flight: int
    tenant_in_flight: int
    user: str | None = None
    status: int = 0
    bytes_sent: int = 0
    bytes_decoded: int = 0
    token: str | None = None
    overlap: bool = False
    faults: tuple[str, ...] = ()


class Ledger:
    """The most recent requests; `capacity` says how many are kept."""

    def __init__(self, capacity: Callable[[], int]) -> None:
        self._capacity = capacity
        self._visits: deque[Visit] = deque()
        self._seq = 0
        self._in_flight = 0
        self._by_tenant: Counter[str] = Counter()

    def arrive(self, method: str, path: str, query: str, tenant: str | None, at: datetime) -> Visit:
        """Note a request that has just arrived."""
        self._seq += 1
        self._in_flight += 1
        if tenant:
            self._by_tenant[tenant] += 1
        visit = Visit(
            seq=self._seq,
            at=at,
            method=method,
            path=path,
            query=query,
            tenant=tenant,
            in_flight=self._in_flight,
            tenant_in_flight=self._by_tenant[tenant] if tenant else 0,
        )
        self._visits.append(visit)
        while len(self._visits) > self._capacity():
            self._visits.popleft()
        return visit

    def leave(self, visit: Visit) -> None:
        """Note that a request is over."""
        self._in_flight -= 1
        if visit.tenant:
            self._by_tenant[visit.tenant] -= 1
            if not self._by_tenant[visit.tenant]:
                del self._by_tenant[visit.tenant]

    def select(
        self,
        *,
        since: int = 0,
        method: str | None = None,
        path: str | None = None,
        tenant: str | None = None,
        status: int | None = None,
    ) -> Iterator[Visit]:
        """The visits after `since` that fit; `path` is a pattern such as `*/PayRuns*`."""
        for visit in self._visits:
            if (
                visit.seq > since
                and method in (None, visit.method)
                and tenant in (None, visit.tenant)
                and status in (None, visit.status)
                and (path is None or fnmatch(visit.path.lower(), path.lower()))
            ):
                yield visit

    def clear(self) -> None:
        """Forget the visits; the numbering goes on."""
        self._visits.clear()

    @property
    def seq(self) -> int:
        """The number of the last request."""
        return self._seq
