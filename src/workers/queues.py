"""The names on the wire: queues, actors, and which event goes to which. Rename inside freely, never here."""

from dataclasses import dataclass

from domain.messages import ConnectCompleted, Disconnect, SyncRequested

EXCHANGE = "allie.events"

CONNECT = "allie-xero.connect"
CONTROL = "allie-xero.control"
TOKENS = "allie-xero.tokens"
SYNC = "allie-xero.sync"

QUEUES = (CONNECT, CONTROL, TOKENS, SYNC)

COMPLETE_CONNECTION = "connection.complete"
DISCONNECT = "connection.disconnect"
REQUEST_SYNC = "sync.request"
FINISH_DISCONNECT = "connection.finish"
KEEP_ALIVE = "tokens.keep_alive"
ERASE_PAYROLL = "payroll.erase"
RUN_SLICE = "sync.slice"
WORK_REPLAY = "replay.work"


@dataclass(frozen=True, slots=True)
class Route:
    """Where an inbound event goes; `pattern` also catches versions that we do not know yet."""

    actor: str
    queue: str
    pattern: str


def _route(event_type: str, actor: str, queue: str) -> Route:
    return Route(actor, queue, f"{event_type.rsplit('.', 1)[0]}.*")


ROUTES = {
    ConnectCompleted.type: _route(ConnectCompleted.type, COMPLETE_CONNECTION, CONNECT),
    Disconnect.type: _route(Disconnect.type, DISCONNECT, CONTROL),
    SyncRequested.type: _route(SyncRequested.type, REQUEST_SYNC, CONTROL),
}
