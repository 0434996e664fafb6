"""Connect a clinic from this machine, as the main platform's settings page would."""

import json
import os
import webbrowser
from contextlib import ExitStack
from typing import Annotated, Any

import typer
from rich.markup import escape

from entrypoints.cli.output import complain, console
from entrypoints.consent.asking import Asking, new_asking
from entrypoints.consent.flow import connect_completed, hand_over
from entrypoints.consent.redirect import Catcher, catching
from entrypoints.exchange import hearing
from entrypoints.settings import amqp_url, xero_app

CONSENT_WITHIN_S = 900.0
"""How long somebody may read Xero's consent page."""


def connect(  # noqa: PLR0917 -- options, not arguments
    clinic: Annotated[str, typer.Argument(help="The main platform's id of the clinic.")],
    port: Annotated[int, typer.Option(help="The redirect URI is http://localhost:PORT/callback.")] = 8765,
    browser: Annotated[bool, typer.Option(help="Open Xero's page, or only print where it is.")] = True,
    pkce: Annotated[bool, typer.Option(help="Prove with PKCE that the code is ours.")] = True,
    patience: Annotated[float, typer.Option(help="Seconds to wait for the service's answer.")] = 60,
    requested_by: Annotated[str, typer.Option(help="Who wants it.")] = "allie-xero connect",
) -> None:
    """
    Ask Xero for a clinic's consent in the browser here, and publish the connect-completed.

    Needs XERO_CLIENT_ID and AMQP_URL, and a worker and a dispatcher that run with the same Xero app. The
    redirect URI must be registered with the app: docs/real-xero.md.

    Example: allie-xero connect clinic-17
    """
    app, broker = xero_app(os.environ), amqp_url(os.environ)
    with hearing(broker):
        pass  # a code lives five minutes: better to learn now that the broker is away
    with ExitStack() as stack:
        try:
            catcher = stack.enter_context(catching(port))
        except OSError as error:
            complain(f"Port {port} cannot be listened on ({error.strerror}); choose another with --port")
            raise typer.Exit(1) from None
        asking = new_asking(app.login_url, app.client_id, catcher.redirect_uri, pkce=pkce)
        code = _code(asking, catcher, browser=browser)
        document = connect_completed(clinic, requested_by, asking, code)
        answer = hand_over(broker, document, patience)
    _tell(clinic, document["id"], answer)


def _code(asking: Asking, catcher: Catcher, *, browser: bool) -> str:
    """The code that Xero's redirect brings."""
    catcher.is_mine = asking.is_mine
    opened = browser and webbrowser.open(asking.url)
    console.print("Xero's consent page is open in your browser:" if opened else "Open this in your browser:")
    console.print(f"  {asking.url}", markup=False)
    console.print(f"Waiting for the answer at {catcher.redirect_uri} (Ctrl-C to give up)")
    redirected = catcher.wait(CONSENT_WITHIN_S)
    if redirected is None:
        complain("No answer came. Is the redirect URI registered with the app?")
        raise typer.Exit(1)
    if redirected.code is None:
        complain(f"Xero says no: {escape(str(redirected.error))}")
        raise typer.Exit(1)
    return redirected.code


def _tell(clinic: str, event_id: str, answer: dict[str, Any] | None) -> None:
    """How it went, as the service says."""
    if answer is None:
        complain(f"Event {event_id} is published, but nothing answers it. Do a worker and a dispatcher run?")
        raise typer.Exit(1)
    if answer["status"] == "active" and answer["reason"] is None:
        console.print(f"[bold]{escape(clinic)}[/] is connected to {escape(answer['organisation'])}.")
        console.print(f"Its payroll is on the way: allie-xero connections show {clinic}")
        return
    complain(f"{clinic} is {answer['status']} ({answer['reason']}): {answer['message']}")
    for choice in answer["choices"]:
        data = json.dumps({"tenant_id": choice["tenant_id"]})
        chosen = f"allie-xero events publish connect-completed --clinic {clinic} --data '{data}'"
        console.print(f"  {choice['name']}:\n    {chosen}", markup=False)
    raise typer.Exit(1)
