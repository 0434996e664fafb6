"""From Xero's answer to the service's word that the clinic is connected."""

import time
from typing import Any

from domain.messages import ConnectCompleted, ConnectionChanged
from entrypoints.consent.asking import Asking
from entrypoints.exchange import event, hearing, send

ANSWERS = f"{ConnectionChanged.type.rsplit('.', 1)[0]}.*"


def connect_completed(clinic_id: str, requested_by: str, asking: Asking, code: str) -> dict[str, Any]:
    """The event that hands the code over."""
    grant = {"type": "authorization_code", "code": code, "redirect_uri": asking.redirect_uri}
    if asking.code_verifier is not None:
        grant["code_verifier"] = asking.code_verifier
    return event(
        ConnectCompleted.type, {"clinic_id": clinic_id, "grant": grant, "requested_by": requested_by}
    )


def hand_over(amqp_url: str, document: dict[str, Any], patience: float) -> dict[str, Any] | None:
    """
    Publish the event, and give the data of the connection-changed that answers it.

    None if none comes in time.
    Raises BrokerUnavailable.
    """
    deadline = time.monotonic() + patience
    with hearing(amqp_url, ANSWERS) as hear:
        send(amqp_url, document)
        while (left := deadline - time.monotonic()) > 0:
            heard = hear(min(left, 1))
            data = heard.document.get("data", {}) if heard else {}
            if data.get("in_reply_to") == document["id"]:
                return dict(data)
    return None
