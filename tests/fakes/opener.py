"""Opens sealed token sets that a test has laid ready."""

from dataclasses import dataclass, field

from domain.errors import SecretUnreadable
from domain.messages import SealedTokenSet
from domain.model.handover import HandedOver


@dataclass
class ScriptedTokenOpener:
    """See `domain.ports.TokenOpener`; `sealed` maps what is sealed to what is in it."""

    sealed: dict[str, HandedOver] = field(default_factory=dict)

    def open(self, sealed: SealedTokenSet) -> HandedOver:
        try:
            return self.sealed[sealed.jwe.reveal()]
        except KeyError:
            raise SecretUnreadable("not sealed to us") from None
