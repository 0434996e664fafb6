import subprocess
from pathlib import Path

import pytest

from entrypoints.local.debian import services_kept_from_starting
from entrypoints.local.finding import find_postgres, find_rabbitmq


def test_a_given_url_is_taken_as_it_is_and_never_contacted() -> None:
    url = "postgresql+psycopg://me:secret@db.invalid:5432/payroll"
    service = find_postgres(url)
    assert service is not None
    assert service.url == url
    assert service.description == "PostgreSQL at db.invalid:5432/payroll"
    service.close()


def test_a_given_broker_is_described_without_its_password() -> None:
    service = find_rabbitmq("amqps://me:secret@mq.invalid:5671/allie")
    assert service is not None
    assert service.description == "RabbitMQ at mq.invalid:5671/allie"


@pytest.mark.parametrize("before", [None, "#!/bin/sh\nexit 104\n"])
def test_services_are_kept_from_starting_only_during_an_installation(
    tmp_path: Path, before: str | None
) -> None:
    policy = tmp_path / "policy-rc.d"
    if before is not None:
        policy.write_text(before)
        policy.chmod(0o700)
    with services_kept_from_starting(policy):
        assert subprocess.run([policy], check=False).returncode == 101
    after = policy.read_text() if policy.exists() else None
    assert after == before
    assert [path.name for path in tmp_path.iterdir()] == ([] if before is None else [policy.name])
    assert before is None or policy.stat().st_mode & 0o777 == 0o700
