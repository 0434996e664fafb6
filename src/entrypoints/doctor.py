"""What a doctor looks at: settings, keys, database, broker, Xero and clocks; and what to do about each."""

import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import certifi

from adapters.crypto.keyring import KeyRingInvalid
from adapters.postgres import health_report
from adapters.postgres.errors import StorageBug
from adapters.postgres.probe import DatabaseProbe
from adapters.postgres.reports import LoginTooNarrow, Reports
from domain.errors import ServiceError
from entrypoints import settings
from entrypoints.broker_check import broker_problems
from entrypoints.keys import source_of
from entrypoints.selftest import check_keys
from entrypoints.settings import SettingsInvalid

SKEW = timedelta(seconds=5)
"""Rows are compared by the database's clock alone; more than this makes logs and consents hard to read."""

XEROS_SKEW = timedelta(seconds=60)
"""Access tokens say when they end by Xero's clock."""

OLDEST_SERVER = 150_000
WAITS_TOO_LONG = timedelta(minutes=2)


class Verdict(StrEnum):
    """How something is."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; `advice` says what to do where it is not well."""

    about: str
    verdict: Verdict
    found: str
    advice: str = ""


Part = Callable[[Mapping[str, str]], Iterator[Check]]


def examine(environ: Mapping[str, str]) -> Iterator[Check]:
    """Look at everything, one after the other; nothing is changed."""
    for part in (_settings, _keys, _database, _broker, _xero):
        yield from part(environ)


def _settings(environ: Mapping[str, str]) -> Iterator[Check]:
    try:
        settings.load(environ)
    except SettingsInvalid as error:
        for problem in error.problems:
            yield Check("settings", Verdict.WRONG, problem, "docs/settings.md lists every variable")
    else:
        yield Check("settings", Verdict.OK, "every variable can be read")


def _keys(environ: Mapping[str, str]) -> Iterator[Check]:
    try:
        ring = source_of(*settings.keyring(environ)).read()
        check_keys(ring, settings.environment(environ))
    except (KeyRingInvalid, SettingsInvalid) as error:
        advice = "restore the key ring; a new one opens nothing: runbook DecryptFailure"
        yield Check("keys", Verdict.WRONG, str(error), advice)
        return
    yield Check("keys", Verdict.OK, f"the ring opens and seals; primary key {ring.primary_id}")
    try:
        with closing(Reports(settings.database_url(environ))) as reports:
            missing = sorted(set(reports.token_sets_by_key()) - set(ring.keys))
    except (SettingsInvalid, ServiceError, StorageBug, LoginTooNarrow):
        return  # the database's own check says why
    if missing:
        found = f"token sets are sealed with keys that are not here: {', '.join(missing)}"
        yield Check("keys", Verdict.WRONG, found, "put these keys back: runbook DecryptFailure")


def _database(environ: Mapping[str, str]) -> Iterator[Check]:
    try:
        url = settings.database_url(environ)
    except SettingsInvalid:
        return
    with closing(DatabaseProbe(url)) as probe:
        problems = probe.problems()
    for problem in problems:
        yield Check("database", Verdict.WRONG, problem, "allie-xero db migrate; runbook DatabaseUnavailable")
    if problems:
        return
    yield Check("database", Verdict.OK, "answers, and has the schema that this version needs")
    try:
        with closing(Reports(url)) as reports:
            yield from _login(reports)
            yield from _waiting(reports)
    except LoginTooNarrow as error:
        yield Check(
            "database", Verdict.WARNING, str(error), "docs/database-roles.md: use an operator's login"
        )
    except StorageBug as error:
        yield Check("database", Verdict.WRONG, str(error), "docs/database-roles.md: the login lacks rights")


def _login(reports: Reports) -> Iterator[Check]:
    login = health_report.login(reports)
    skew = datetime.now(UTC) - login["now"]
    if abs(skew) > SKEW:
        yield Check("clock", Verdict.WARNING, f"{_seconds(skew)} off the database's", "run NTP on both")
    else:
        yield Check("clock", Verdict.OK, "agrees with the database's")
    if login["version"] < OLDEST_SERVER:
        yield Check(
            "database", Verdict.WRONG, "PostgreSQL before 15", "upgrade it: views need security_invoker"
        )
    if login["is_above_the_rules"]:
        found = f"login {login['login']} is above row-level security"
        yield Check(
            "permissions", Verdict.WARNING, found, "docs/database-roles.md: give each process its role"
        )
    elif not login["roles"]:
        yield Check(
            "permissions", Verdict.WRONG, "the login has no role of the service", "docs/database-roles.md"
        )
    else:
        yield Check("permissions", Verdict.OK, f"login {login['login']} has {', '.join(login['roles'])}")


def _waiting(reports: Reports) -> Iterator[Check]:
    state = health_report.state_of(reports)
    limit = datetime.now(UTC) - WAITS_TOO_LONG
    oldest, due = state["outbox"]["oldest"], state["work"]["slices_due_since"]
    if oldest is not None and oldest < limit:
        found = (
            f"{state['outbox']['pending']:,} events wait to be sent, the oldest since {oldest:%d %b %H:%M}"
        )
        yield Check("dispatcher", Verdict.WRONG, found, "does a dispatcher run? runbook OutboxStuck")
    if due is not None and due < limit:
        found = f"{state['work']['slices_due']:,} slices wait, the first since {due:%d %b %H:%M}"
        yield Check("workers", Verdict.WRONG, found, "do dispatcher and workers run? runbook SlicesStarving")
    if state["xero_away_since"] is not None:
        yield Check(
            "xero", Verdict.WARNING, "does not answer the workers", "runbook XeroOutage; it goes on by itself"
        )


def _broker(environ: Mapping[str, str]) -> Iterator[Check]:
    try:
        url = settings.amqp_url(environ)
    except SettingsInvalid:
        return
    problems = list(broker_problems(url))
    for found, advice in problems:
        yield Check("broker", Verdict.WRONG, found, advice)
    if not problems:
        yield Check("broker", Verdict.OK, "answers; its queues are quorum queues with consumers")


def _xero(environ: Mapping[str, str]) -> Iterator[Check]:
    """Any answer will do; its date tells Xero's clock."""
    url = (environ.get("XERO_API_URL") or "https://api.xero.com").rstrip("/")
    try:
        trust = ssl.create_default_context(cafile=environ.get("XERO_CA_FILE") or certifi.where())
        with urlopen(Request(url, method="HEAD"), timeout=5, context=trust) as answer:  # noqa: S310
            date = answer.headers.get("Date")
    except HTTPError as refusal:
        with refusal:
            date = refusal.headers.get("Date")
    except (URLError, OSError, ValueError) as error:
        advice = "is the way out open, by name, port 443 and certificate? https://status.xero.com"
        yield Check("xero", Verdict.WRONG, f"cannot be reached ({type(error).__name__})", advice)
        return
    skew = datetime.now(UTC) - parsedate_to_datetime(date) if date else timedelta()
    if abs(skew) > XEROS_SKEW:
        yield Check(
            "clock", Verdict.WRONG, f"{_seconds(skew)} off Xero's", "run NTP: tokens seem to end too soon"
        )
    else:
        yield Check("xero", Verdict.OK, "answers, and its clock agrees")


def _seconds(skew: timedelta) -> str:
    return f"{abs(skew).total_seconds():.0f} s {'ahead' if skew > timedelta() else 'behind'}"
