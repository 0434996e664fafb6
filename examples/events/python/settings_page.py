"""
The main platform's Connect button: Xero's consent page and back, with the standard library and pika.

XERO_CLIENT_ID names the app, XERO_LOGIN_URL where Xero asks (the simulator, say), AMQP_URL the broker:

    XERO_LOGIN_URL=http://127.0.0.1:8090 python settings_page.py 8080

Then open http://localhost:8080/clinics/clinic-17/connect.
"""

import base64
import hashlib
import os
import secrets
import sys
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl, urlencode
from wsgiref.simple_server import make_server

from producer import event_of, publish

SCOPES = (
    "openid profile email offline_access accounting.settings.read payroll.employees.read payroll.payruns.read"
    " payroll.payslip.read payroll.settings.read payroll.timesheets.read"
)
WAITING: dict[str, tuple[str, str]] = {}
"""By `state`: whose consent is awaited, and the code_verifier. In the platform: in the user's session."""


def consent_page(clinic_id: str, redirect_uri: str) -> str:
    """Where to send the clinic's manager."""
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    WAITING[state] = (clinic_id, verifier)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": os.environ["XERO_CLIENT_ID"],
        "redirect_uri": redirect_uri,
        "scope": SCOPES,
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    login = os.environ.get("XERO_LOGIN_URL", "https://login.xero.com")
    return f"{login}/identity/connect/authorize?{urlencode(query)}"


def consented(answer: dict[str, str], redirect_uri: str) -> str:
    """Hand the code over at once, it lives five minutes; raises KeyError for an answer nobody waits for."""
    state = answer["state"]
    clinic_id, verifier = WAITING[state]
    if "code" not in answer:
        return f"/clinics/{clinic_id}?xero={answer.get('error', 'no_answer')}"
    happened = {"what": "consented", "clinic_id": clinic_id, "code": answer["code"]}
    event = event_of({**happened, "redirect_uri": redirect_uri, "code_verifier": verifier})
    event["id"] = hashlib.sha256(state.encode()).hexdigest()[
        :32
    ]  # a page that is loaded again is a duplicate
    publish(os.environ["AMQP_URL"], event)
    return f"/clinics/{clinic_id}?xero=connecting"


def settings_page(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Every answer with a secret in its address is a redirect: none stays in a browser's history."""
    redirect_uri = f"http://localhost:{environ['SERVER_PORT']}/xero/callback"
    match environ["PATH_INFO"].strip("/").split("/"):
        case ["clinics", clinic_id, "connect"]:
            place = consent_page(clinic_id, redirect_uri)
        case ["xero", "callback"]:
            try:
                place = consented(dict(parse_qsl(environ["QUERY_STRING"])), redirect_uri)
            except KeyError:
                start_response("400 Bad Request", [("Content-Type", "text/plain")])
                return [b"Please click Connect again."]
        case _:  # the page itself: it shows what connection-changed said last, see consumer.py
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"Your connection to Xero\n"]
    start_response("302 Found", [("Location", place), ("Referrer-Policy", "no-referrer")])
    return []


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8080
    with make_server("127.0.0.1", port, settings_page) as server:
        server.serve_forever()
