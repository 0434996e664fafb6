"""A platform that exchanges the code itself, and hands over a sealed token set: the examples put together."""

import json
import os
import sys
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

EXAMPLES = Path(__file__).parents[2] / "examples"
sys.path[:0] = [str(EXAMPLES / "events" / "python"), str(EXAMPLES / "sealed-token-set" / "python")]

from producer import event_of, publish  # type: ignore[import-not-found]  # noqa: E402
from seal import sealed  # type: ignore[import-not-found]  # noqa: E402


def grant(happened: dict[str, str]) -> dict[str, str]:
    """Exchange the code, and seal what comes back."""
    form = {
        "grant_type": "authorization_code",
        "client_id": os.environ["XERO_CLIENT_ID"],
        "client_secret": os.environ["XERO_CLIENT_SECRET"],
        **{name: happened[name] for name in ("code", "redirect_uri", "code_verifier")},
    }
    with urlopen(f"{os.environ['XERO_IDENTITY_URL']}/connect/token", urlencode(form).encode()) as answer:
        token_set = json.load(answer)
    public = json.loads(Path(os.environ["ALLIE_XERO_PUBLIC_KEYS"]).read_text())
    jwe = sealed(happened["clinic_id"], token_set, public["receiving"]["keys"][0], None)
    return {"type": "sealed_token_set", "jwe": jwe}


if __name__ == "__main__":
    said = json.load(sys.stdin)
    event = event_of(said)
    if said["what"] == "consented":
        event["data"]["grant"] = grant(said)
    publish(os.environ["AMQP_URL"], event)
