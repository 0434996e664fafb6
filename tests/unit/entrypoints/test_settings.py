import ssl
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import certifi
import pika
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.model.tokens import Secret
from entrypoints.settings import DATABASE_FORM, SettingsInvalid, amqp_url, database_url, load

CANARY = "s3cr3t-canary"
DATABASE = f"postgresql://allie:{CANARY}@db:5432/allie"
AMQP = f"amqps://allie:{CANARY}@mq:5671/allie"
REQUIRED = {
    "DATABASE_URL": DATABASE,
    "AMQP_URL": AMQP,
    "ALLIE_XERO_KEYRING_FILE": "/run/secrets/keys.json",
    "XERO_CLIENT_ID": "client-1",
    "XERO_CLIENT_SECRET": CANARY,
}

PRODUCTION = {
    "ALLIE_XERO_ENVIRONMENT": "production",
    "DATABASE_URL": "postgresql://user@db.test/allie?sslmode=verify-full",
}


def problems(**changes: str) -> list[str]:
    """What is wrong with an environment; a variable given as empty is missing."""
    environ = {name: value for name, value in {**REQUIRED, **changes}.items() if value}
    with pytest.raises(SettingsInvalid) as caught:
        load(environ)
    assert CANARY not in str(caught.value)
    return caught.value.problems


def test_the_least_that_must_be_said() -> None:
    found = load(REQUIRED)
    expected = {
        "environment": "development",
        "database_url": Secret(DATABASE),
        "amqp_url": Secret(AMQP),
        "keyring_file": Path("/run/secrets/keys.json"),
        "keyring": None,
        "client_id": "client-1",
        "client_secret": Secret(CANARY),
        "identity_url": "https://identity.xero.com",
        "api_url": "https://api.xero.com",
        "ca_file": None,
        "threads": 8,
        "lease": timedelta(seconds=45),
        "changes_every": timedelta(hours=1),
        "metrics_host": "127.0.0.1",
        "metrics_port": 9191,
        "log_format": "json",
    }
    assert {name: getattr(found, name) for name in expected} == expected


def test_everything_that_can_be_said() -> None:
    found = load(
        {
            **REQUIRED,
            "ALLIE_XERO_ENVIRONMENT": "staging-2",
            "DATABASE_URL": "postgresql+psycopg://db/allie",
            "AMQP_URL": "amqp://mq",
            "ALLIE_XERO_KEYRING": '{"version": 1}',
            "XERO_IDENTITY_URL": "http://127.0.0.1:8080/",
            "XERO_API_URL": "http://127.0.0.1:8081",
            "XERO_CA_FILE": certifi.where(),
            "ALLIE_XERO_THREADS": "1",
            "ALLIE_XERO_LEASE_SECONDS": "600",
            "ALLIE_XERO_CHANGES_MINUTES": "1440",
            "ALLIE_XERO_METRICS_HOST": "::1",
            "ALLIE_XERO_METRICS_PORT": "0",
            "ALLIE_XERO_LOG_FORMAT": "console",
        }
    )
    assert found.environment == "staging-2"
    assert found.keyring == Secret('{"version": 1}')
    assert (found.identity_url, found.api_url) == ("http://127.0.0.1:8080", "http://127.0.0.1:8081")
    assert (found.ca_file, found.log_format) == (certifi.where(), "console")
    assert (found.threads, found.lease, found.changes_every) == (1, timedelta(minutes=10), timedelta(days=1))
    assert (found.metrics_host, found.metrics_port) == ("::1", 0)


def test_certificates_for_the_broker_are_named_in_its_url() -> None:
    found = load({**REQUIRED, "AMQP_URL": "amqps://mq/v?heartbeat=9", "AMQP_CA_FILE": certifi.where()})
    parameters = pika.URLParameters(found.amqp_url.reveal())
    assert parameters.heartbeat == 9
    assert parameters.ssl_options is not None
    assert parameters.ssl_options.context.check_hostname
    assert parameters.ssl_options.context.verify_mode is ssl.CERT_REQUIRED


def test_certificates_for_a_broker_that_is_not_asked_for_tls_are_a_mistake() -> None:
    [problem] = problems(AMQP_URL="amqp://mq", AMQP_CA_FILE=certifi.where())
    assert problem.startswith("AMQP_CA_FILE is set, but AMQP_URL is not amqps")


@pytest.mark.parametrize("name", ["XERO_CA_FILE", "AMQP_CA_FILE"])
def test_certificates_that_cannot_be_read_are_named_at_the_start(name: str) -> None:
    for path in ("/nowhere/ca.pem", __file__):
        assert problems(**{name: path}) == [
            f"{name} is malformed; expected the path of a file of certificates (PEM)"
        ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("DATABASE_URL", DATABASE_FORM),
        ("AMQP_URL", "amqp://user:password@host:port/vhost"),
        ("XERO_CLIENT_ID", "the client id of your Xero app"),
        ("XERO_CLIENT_SECRET", "the client secret of your Xero app"),
    ],
)
def test_a_missing_variable_is_named_with_what_is_expected(name: str, expected: str) -> None:
    assert problems(**{name: ""}) == [f"{name} is not set; expected {expected}"]


def test_a_missing_key_ring_is_named_with_the_command_that_makes_one() -> None:
    [problem] = problems(ALLIE_XERO_KEYRING_FILE="")
    assert problem.startswith("ALLIE_XERO_KEYRING_FILE is not set")
    assert "allie-xero keys generate" in problem


def test_a_key_ring_may_be_in_the_environment_alone() -> None:
    environ = {**REQUIRED, "ALLIE_XERO_KEYRING": "{}"}
    del environ["ALLIE_XERO_KEYRING_FILE"]
    assert load(environ).keyring_file is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", CANARY),
        ("DATABASE_URL", f"mysql://{CANARY}@db/allie"),
        ("DATABASE_URL", f"postgresql://[{CANARY}"),
        ("AMQP_URL", CANARY),
        ("AMQP_URL", f"https://{CANARY}@mq"),
        ("ALLIE_XERO_ENVIRONMENT", f"{CANARY}:x"),
        ("XERO_IDENTITY_URL", CANARY),
        ("XERO_IDENTITY_URL", "https://"),
        ("XERO_API_URL", f"ftp://{CANARY}"),
        ("XERO_API_URL", f"//{CANARY}"),
        ("ALLIE_XERO_THREADS", CANARY),
        ("ALLIE_XERO_THREADS", "0"),
        ("ALLIE_XERO_THREADS", "65"),
        ("ALLIE_XERO_THREADS", "1.5"),
        ("ALLIE_XERO_LEASE_SECONDS", "1"),
        ("ALLIE_XERO_LEASE_SECONDS", "601"),
        ("ALLIE_XERO_CHANGES_MINUTES", "0"),
        ("ALLIE_XERO_CHANGES_MINUTES", "1441"),
        ("ALLIE_XERO_METRICS_PORT", "-1"),
        ("ALLIE_XERO_METRICS_PORT", "65536"),
        ("ALLIE_XERO_LOG_FORMAT", CANARY),
        ("ALLIE_XERO_LOG_FORMAT", "JSON"),
    ],
)
def test_a_malformed_variable_is_named_with_what_is_expected_and_never_quoted(name: str, value: str) -> None:
    [problem] = problems(**{name: value})
    assert problem.startswith(f"{name} is malformed; expected ")
    assert value not in problem.partition(";")[0]


def test_who_never_asks_xero_needs_no_client_of_it() -> None:
    environ = {name: text for name, text in REQUIRED.items() if not name.startswith("XERO_CLIENT")}
    assert load(environ, asks_xero=False).client_id == "none"


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(SettingsInvalid) as caught:
        load({"ALLIE_XERO_THREADS": "many", "XERO_API_URL": "nowhere"})
    named = [problem.split()[0] for problem in caught.value.problems]
    assert named == [
        "ALLIE_XERO_KEYRING_FILE",
        "DATABASE_URL",
        "AMQP_URL",
        "XERO_CLIENT_ID",
        "XERO_CLIENT_SECRET",
        "XERO_API_URL",
        "ALLIE_XERO_THREADS",
    ]
    assert str(caught.value).splitlines() == caught.value.problems


@pytest.mark.parametrize("name", ["XERO_IDENTITY_URL", "XERO_API_URL"])
def test_production_talks_to_xero_over_tls_only(name: str) -> None:
    plain = {**PRODUCTION, name: "http://xero.test"}
    assert problems(**plain) == [f"{name} is not https, which production requires"]
    assert load({**REQUIRED, **PRODUCTION}).environment == "production"


@pytest.mark.parametrize("said", ["", "?sslmode=prefer", "?sslmode=require", "?connect_timeout=3"])
def test_production_talks_to_a_database_elsewhere_only_when_it_is_proven(said: str) -> None:
    [problem] = problems(**{**PRODUCTION, "DATABASE_URL": f"postgresql://db.test/allie{said}"})
    assert problem.startswith("DATABASE_URL does not say sslmode=verify-full")
    with pytest.raises(SettingsInvalid, match="sslmode=verify-full"):
        database_url({**PRODUCTION, "DATABASE_URL": f"postgresql://db.test/allie{said}"})


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://db.test/allie?sslmode=disable",
        f"postgresql://db.test/allie?sslrootcert={certifi.where()}&sslmode=verify-full",
        "postgresql://db.test/allie?sslrootcert=system&sslmode=verify-full",
        "postgresql://127.0.0.1:6432/allie",
        "postgresql:///allie?host=/var/run/postgresql",
    ],
)
def test_production_takes_a_database_that_is_proven_or_near(url: str) -> None:
    assert load({**REQUIRED, **PRODUCTION, "DATABASE_URL": url}).environment == "production"
    assert database_url({**PRODUCTION, "DATABASE_URL": url}) == url


def test_a_database_whose_certificates_are_not_there_is_named_and_not_taken_for_one_that_is_away(
    tmp_path: Path,
) -> None:
    for trusted in (tmp_path / "missing.pem", tmp_path):
        url = f"postgresql://worker:{CANARY}@db.test/allie?sslmode=verify-full&sslrootcert={trusted}"
        [problem] = problems(DATABASE_URL=url)
        assert problem == f"DATABASE_URL is malformed; expected {DATABASE_FORM}"
        with pytest.raises(SettingsInvalid, match="sslrootcert"):
            database_url({"DATABASE_URL": url})


def test_settings_show_no_secrets() -> None:
    settings = load({**REQUIRED, "ALLIE_XERO_KEYRING": CANARY})
    assert CANARY not in f"{settings!r} {settings}"


@pytest.mark.parametrize(("read", "name"), [(database_url, "DATABASE_URL"), (amqp_url, "AMQP_URL")])
def test_one_address_can_be_read_alone(read: object, name: str) -> None:
    assert callable(read)
    assert read({name: REQUIRED[name]}) == REQUIRED[name]
    for environ in ({}, {name: CANARY}):
        with pytest.raises(SettingsInvalid, match=f"^{name} is ") as caught:
            read(environ)
        assert CANARY not in str(caught.value)


@given(st.dictionaries(st.sampled_from([*REQUIRED, "ALLIE_XERO_THREADS", "XERO_API_URL"]), st.text()))
def test_no_environment_does_more_than_being_refused(environ: Mapping[str, str]) -> None:
    try:
        load(environ)
    except SettingsInvalid as error:
        found = error.problems
    else:
        found = []
    assert all(problem.split()[0] in problem for problem in found)
