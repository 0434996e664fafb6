"""The environment as one frozen value; the only place that reads it."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

from domain.model.tokens import Secret

T = TypeVar("T")

PRODUCTION = "production"
UNPROVEN = (
    "DATABASE_URL does not say sslmode=verify-full, which production requires "
    "(or sslmode=disable, where something else encrypts)"
)
DATABASE_FORM = "postgresql://user:password@host:port/name, where sslrootcert names a file that is there"
CERTIFICATES_FORM = "the path of a file of certificates (PEM)"
AMQP_FORM = "amqp://user:password@host:port/vhost"


class SettingsInvalid(Exception):
    """What is missing or malformed, one line each; values are never quoted."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a process needs to know of where it runs."""

    environment: str
    database_url: Secret
    pooled: bool
    amqp_url: Secret
    keyring_file: Path | None
    keyring: Secret | None = field(default=None)
    client_id: str
    client_secret: Secret
    identity_url: str
    api_url: str
    ca_file: str | None
    threads: int
    lease: timedelta
    changes_every: timedelta
    history: timedelta | None
    metrics_host: str
    metrics_port: int
    log_format: str
    revision: str


class _Reader:
    """Reads variables and remembers what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []

    def read(self, name: str, parse: Callable[[str], T], expected: str, default: str | None = None) -> T:
        """One variable; a problem is remembered and `parse` given an empty stand-in's place."""
        text = self._environ.get(name) or default
        if text is None:
            self.problems.append(f"{name} is not set; expected {expected}")
            return None  # type: ignore[return-value]
        try:
            return parse(text)
        except ValueError:
            self.problems.append(f"{name} is malformed; expected {expected}")
            return None  # type: ignore[return-value]

    def read_if_set(self, name: str, parse: Callable[[str], T], expected: str) -> T | None:
        """A variable that may be missing."""
        return self.read(name, parse, expected) if self._environ.get(name) else None


def database_url(environ: Mapping[str, str]) -> str:
    """Only where the database is, for commands that need no more. Raises SettingsInvalid."""
    url = _only(environ, "DATABASE_URL", _database_url, DATABASE_FORM).reveal()
    if environment(environ) == PRODUCTION and not _is_proven(url):
        raise SettingsInvalid([UNPROVEN])
    return url


def amqp_url(environ: Mapping[str, str]) -> str:
    """Only where the broker is. Raises SettingsInvalid."""
    reader = _Reader(environ)
    url = _broker(reader)
    if reader.problems:
        raise SettingsInvalid(reader.problems)
    return url.reveal()


def four_eyes_over(environ: Mapping[str, str]) -> int | None:
    """Over how many failures a replay needs a second person; None for never. Raises SettingsInvalid."""
    if not environ.get("ALLIE_XERO_FOUR_EYES_OVER"):
        return None
    return _only(environ, "ALLIE_XERO_FOUR_EYES_OVER", _within(1, 1_000_000), "a number of failures")


def history_since(environ: Mapping[str, str], now: datetime) -> date:
    """The first payment date that is read, for commands that need no more. Raises SettingsInvalid."""
    history: timedelta | None = _only(environ, *HISTORY)
    return (now - history).date() if history is not None else date.min


@dataclass(frozen=True, slots=True, kw_only=True)
class XeroApp:
    """What it takes to ask for a consent: no secret."""

    client_id: str
    login_url: str


def xero_app(environ: Mapping[str, str]) -> XeroApp:
    """Only which Xero app asks, and where. Raises SettingsInvalid."""
    return XeroApp(
        client_id=_only(environ, "XERO_CLIENT_ID", str, "the client id of your Xero app"),
        login_url=_only(environ, "XERO_LOGIN_URL", _url, "an https URL", "https://login.xero.com"),
    )


def environment(environ: Mapping[str, str]) -> str:
    """Only the environment's name, which every ciphertext is bound to. Raises SettingsInvalid."""
    return _only(environ, "ALLIE_XERO_ENVIRONMENT", _name, "a name such as production", "development")


def keyring(environ: Mapping[str, str]) -> tuple[Secret | None, Path | None]:
    """Only the key ring's text, or where its file or directory is."""
    text, path = environ.get("ALLIE_XERO_KEYRING"), environ.get("ALLIE_XERO_KEYRING_FILE")
    return Secret(text) if text else None, Path(path) if path else None


def _only(
    environ: Mapping[str, str],
    name: str,
    parse: Callable[[str], T],
    expected: str,
    default: str | None = None,
) -> T:
    reader = _Reader(environ)
    value = reader.read(name, parse, expected, default)
    if reader.problems:
        raise SettingsInvalid(reader.problems)
    return value


def load(environ: Mapping[str, str], *, asks_xero: bool = True) -> Settings:
    """
    Read and check everything at once; a process that never asks Xero needs no client of it.

    Raises SettingsInvalid with every problem found.
    """
    reader = _Reader(environ)
    nobody = None if asks_xero else "none"
    ring, ring_file = keyring(environ)
    if ring is None and ring_file is None:
        reader.problems.append(
            "ALLIE_XERO_KEYRING_FILE is not set; expected the path of a key ring, or of a directory of them "
            "(make one with: allie-xero keys generate PATH)"
        )
    settings = Settings(
        environment=reader.read("ALLIE_XERO_ENVIRONMENT", _name, "a name such as production", "development"),
        database_url=reader.read("DATABASE_URL", _database_url, DATABASE_FORM),
        pooled=reader.read("ALLIE_XERO_DATABASE_POOLED", _one_of("yes", "no"), "yes or no", "no") == "yes",
        amqp_url=_broker(reader),
        keyring_file=ring_file,
        keyring=ring,
        client_id=reader.read("XERO_CLIENT_ID", str, "the client id of your Xero app", nobody),
        client_secret=reader.read("XERO_CLIENT_SECRET", Secret, "the client secret of your Xero app", nobody),
        identity_url=reader.read("XERO_IDENTITY_URL", _url, "an https URL", "https://identity.xero.com"),
        api_url=reader.read("XERO_API_URL", _url, "an https URL", "https://api.xero.com"),
        ca_file=reader.read_if_set("XERO_CA_FILE", _certificates, CERTIFICATES_FORM),
        threads=reader.read("ALLIE_XERO_THREADS", _within(1, 64), "a number from 1 to 64", "8"),
        lease=reader.read("ALLIE_XERO_LEASE_SECONDS", _seconds(2, 600), "seconds from 2 to 600", "45"),
        changes_every=reader.read(
            "ALLIE_XERO_CHANGES_MINUTES", _minutes(1, 1440), "minutes from 1 to 1440", "60"
        ),
        history=reader.read(*HISTORY),
        metrics_host=reader.read("ALLIE_XERO_METRICS_HOST", str, "an address", "127.0.0.1"),
        metrics_port=reader.read("ALLIE_XERO_METRICS_PORT", _within(0, 65535), "a port", "9191"),
        log_format=reader.read(
            "ALLIE_XERO_LOG_FORMAT", _one_of("json", "console"), "json or console", "json"
        ),
        revision=reader.read("ALLIE_XERO_REVISION", _name, "the commit of this build", "unknown"),
    )
    if settings.environment == PRODUCTION:
        _refuse_plain_http(reader, settings)
        if settings.database_url and not _is_proven(settings.database_url.reveal()):
            reader.problems.append(UNPROVEN)
    if reader.problems:
        raise SettingsInvalid(reader.problems)
    return settings


def _broker(reader: _Reader) -> Secret:
    """
    The broker's URL; with the certificates to trust in it, where everything that connects finds them.

    pika checks the server's certificate and name by itself once the scheme is amqps.
    """
    url = reader.read("AMQP_URL", _amqp_url, AMQP_FORM)
    trusted = reader.read_if_set("AMQP_CA_FILE", _certificates, CERTIFICATES_FORM)
    if not url or trusted is None:
        return url
    parts = urlsplit(url.reveal())
    if parts.scheme != "amqps":
        reader.problems.append("AMQP_CA_FILE is set, but AMQP_URL is not amqps: nothing would be encrypted")
    options = urlencode({"ssl_options": repr({"cafile": trusted})})
    return Secret(parts._replace(query="&".join(one for one in (parts.query, options) if one)).geturl())


def _refuse_plain_http(reader: _Reader, settings: Settings) -> None:
    for name, url in (("XERO_IDENTITY_URL", settings.identity_url), ("XERO_API_URL", settings.api_url)):
        if url and not url.startswith("https://"):
            reader.problems.append(f"{name} is not https, which production requires")


def _is_proven(url: str) -> bool:
    """What libpq does when nothing is said: it goes on without TLS, and takes any certificate."""
    parts = urlsplit(url)
    said = dict(parse_qsl(parts.query)).get("sslmode")
    return said in ("verify-full", "disable") or parts.hostname in (None, "localhost", "127.0.0.1", "::1")


def _name(text: str) -> str:
    if not text.replace("-", "").replace("_", "").isalnum():
        raise ValueError
    return text


def _database_url(text: str) -> Secret:
    """Without the certificates that it names libpq connects to nothing, as if the database were away."""
    parts = urlsplit(text)
    if parts.scheme.split("+")[0] not in ("postgresql", "postgres"):
        raise ValueError
    trusted = dict(parse_qsl(parts.query)).get("sslrootcert", "system")
    if trusted != "system":
        _certificates(trusted)
    return Secret(text)


def _amqp_url(text: str) -> Secret:
    if urlsplit(text).scheme not in ("amqp", "amqps"):
        raise ValueError
    return Secret(text)


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError
    return text.rstrip("/")


def _certificates(text: str) -> str:
    try:
        ssl.create_default_context(cafile=text)
    except (OSError, ssl.SSLError):
        raise ValueError from None
    return text


def _within(lowest: int, highest: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        number = int(text)
        if not lowest <= number <= highest:
            raise ValueError
        return number

    return parse


def _seconds(lowest: int, highest: int) -> Callable[[str], timedelta]:
    within = _within(lowest, highest)
    return lambda text: timedelta(seconds=within(text))


def _minutes(lowest: int, highest: int) -> Callable[[str], timedelta]:
    within = _within(lowest, highest)
    return lambda text: timedelta(minutes=within(text))


def _history(text: str) -> timedelta | None:
    return None if text == "all" else timedelta(days=31) * _within(1, 600)(text)


HISTORY = ("ALLIE_XERO_HISTORY_MONTHS", _history, "a number of months, or all", "all")


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError
        return text

    return parse
