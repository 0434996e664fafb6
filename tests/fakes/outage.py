"""Whether Xero is away for everybody, in memory."""

from domain.model.outage import Outage


class InMemoryOutageStore:
    """See `domain.ports.OutageStore`."""

    def __init__(self) -> None:
        self.kept = [Outage()]

    def get(self) -> Outage:
        return self.kept[0]

    def get_for_update(self) -> Outage:
        return self.kept[0]

    def save(self, outage: Outage) -> None:
        self.kept = [outage]
