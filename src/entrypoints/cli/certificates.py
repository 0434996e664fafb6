"""Erasure certificates: what was destroyed for a clinic, signed."""

import json
import os
from base64 import b64decode, b64encode
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

from adapters.crypto.published import verifying_keys
from adapters.crypto.signing import is_signed, public_keys
from adapters.postgres.certificates import canonical
from adapters.postgres.reports import Reports, Row
from entrypoints.cli.output import complain, console, print_json, print_rows, table
from entrypoints.keys import source_of
from entrypoints.settings import database_url, keyring

app = typer.Typer(help="Signed statements of what was destroyed.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Number = Annotated[int, typer.Argument(help="The certificate's number; see: allie-xero certificates list")]


@app.command("list")
def list_certificates(
    clinic: Annotated[str | None, typer.Option(help="Of this clinic only.")] = None, as_json: AsJson = False
) -> None:
    """
    What was destroyed, for whom and when; oldest first.

    Example: allie-xero certificates list --clinic clinic-17
    """
    found = _certificates(clinic)
    if as_json:
        print_json([_portable(one) for one in found])
        return
    columns = ("id", "issued_at", "clinic_id", "connection_id", "erased", "signing_key_id")
    print_rows("Erasure certificates", columns, found, "No certificates.")


@app.command()
def show(number: Number, as_json: AsJson = False) -> None:
    """
    One certificate; with --json as a file that anybody can verify.

    Example: allie-xero certificates show 12 --json > certificate-12.json
    """
    certificate = _portable(_one(number))
    if as_json:
        print_json(certificate)
        return
    document = certificate.pop("document")
    shown = [[name, value] for name, value in {**document, **certificate}.items() if value not in (None, {})]
    console.print(table(f"Erasure certificate {number}", ("", ""), shown))


@app.command()
def verify(
    files: Annotated[list[Path] | None, typer.Argument(help="Files; none for all of the database.")] = None,
    public: Annotated[
        Path | None, typer.Option(help="What `allie-xero keys public` printed; else the key ring.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """
    Whether certificates are as they were signed. Exit code 1 if one is not.

    Files need --public and no database: a clinic can do it with what it was given.

    Example: allie-xero certificates verify certificate-12.json --public public.json
    """
    keys = (
        verifying_keys(public.read_text()) if public else public_keys(source_of(*keyring(os.environ)).read())
    )
    if files:
        checked = {str(one): _verdict(json.loads(one.read_text()), keys) for one in files}
    else:
        checked = {str(one["id"]): _verdict(_portable(one), keys) for one in _certificates()}
    if as_json:
        print_json(checked)
    else:
        found = [{"certificate": name, "signature": verdict} for name, verdict in checked.items()]
        print_rows("Certificates", ("certificate", "signature"), found, "No certificates.")
    if any(verdict != "good" for verdict in checked.values()):
        raise typer.Exit(1)


def _verdict(certificate: Any, keys: dict[str, bytes]) -> str:
    try:
        key_id, signature = certificate["signing_key_id"], b64decode(certificate["signature"])
        message = canonical(certificate["document"])
    except (ValueError, TypeError, KeyError):
        return "NOT A CERTIFICATE"
    if key_id not in keys:
        return f"UNKNOWN KEY {key_id}"
    return "good" if is_signed(keys[key_id], message, signature) else "FORGED OR DAMAGED"


def _portable(row: Row) -> dict[str, Any]:
    signature = b64encode(bytes(row["signature"])).decode()
    return {
        "id": row["id"],
        "document": row["document"],
        "signature": signature,
        "signing_key_id": row["signing_key_id"],
    }


def _one(number: int) -> Row:
    found = _certificates(number=number)
    if not found:
        complain(f"There is no certificate {number}; see: allie-xero certificates list")
        raise typer.Exit(1)
    return found[0]


def _certificates(clinic: str | None = None, number: int | None = None) -> list[Row]:
    with closing(Reports(database_url(os.environ))) as reports:
        return reports.certificates(clinic, number)
