"""The contract test kit, for the main platform's CI."""

from typing import Annotated

import typer

from entrypoints.cli.output import complain, console


def contract_kit(
    producer: Annotated[
        str | None,
        typer.Option(
            help="Your command that reads what has happened on its standard input, and publishes it."
        ),
    ] = None,
    consumer: Annotated[
        str | None,
        typer.Option(help="Your command that prints `ready`, then the id of each event that it has worked."),
    ] = None,
    patience: Annotated[float, typer.Option(help="Seconds to wait for anything.")] = 60,
    pkce: Annotated[bool, typer.Option(help="Whether your authorise request has a code_challenge.")] = True,
) -> None:
    """
    Hold your producer and your consumer against the service, on a simulated Xero.

    Both get AMQP_URL. With AMQP_URL and DATABASE_URL set the kit uses that broker and that database, which
    must be its own; else it starts private ones. docs/events/README.md describes what your commands read and
    print.

    Example: allie-xero contract-kit --producer 'node publish.mjs' --consumer 'node listen.mjs'
    """
    from entrypoints.demo.parts import NothingToRunOn  # noqa: PLC0415 -- only this command needs it
    from entrypoints.kit import main  # noqa: PLC0415 -- only this command needs it

    if producer is None and consumer is None:
        complain("Nothing to test: give --producer, --consumer or both")
        raise typer.Exit(2)
    try:
        faults = main(producer, consumer, patience=patience, pkce=pkce)
    except NothingToRunOn as error:
        complain(f"The kit cannot run: {error}")
        raise typer.Exit(3) from None
    if faults:
        complain(f"{faults} fault{'s'[: faults > 1]}; the contract is docs/events/README.md")
        raise typer.Exit(1)
    console.print("\nThe contract is kept.")
