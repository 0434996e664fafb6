"""The server of metrics and probes, and what keeps a probe from hanging with what it asks."""

import time
from collections.abc import Callable, Iterator
from threading import Event, Thread
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry, Counter

from entrypoints import health

Asked = Callable[[str], tuple[int, str]]


@pytest.fixture
def problems() -> dict[str, list[str]]:
    return {"live": [], "ready": []}


@pytest.fixture
def ask(problems: dict[str, list[str]]) -> Iterator[Asked]:
    registry = CollectorRegistry()
    Counter("things_total", "Things.", registry=registry).inc()
    server = health.start(
        "127.0.0.1", 0, registry=registry, live=lambda: problems["live"], ready=lambda: problems["ready"]
    )

    def ask(path: str) -> tuple[int, str]:
        try:
            with urlopen(f"{health.address(server)}{path}") as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    yield ask
    server.shutdown()
    server.server_close()


def test_a_healthy_process_says_so(ask: Asked) -> None:
    assert ask("/live") == (200, "ok\n")
    assert ask("/ready?verbose=1") == (200, "ok\n")
    status, body = ask("/metrics")
    assert status == 200
    assert "things_total 1.0" in body


@pytest.mark.parametrize("probe", ["live", "ready"])
def test_each_problem_is_a_line(ask: Asked, problems: dict[str, list[str]], probe: str) -> None:
    problems[probe] = ["a thread is dead", "no broker"]
    assert ask(f"/{probe}") == (503, "a thread is dead\nno broker\n")
    assert [ask(path)[0] for path in ("/live", "/ready")].count(503) == 1


def test_there_is_nothing_else(ask: Asked) -> None:
    assert ask("/") == (404, "not found\n")


def test_a_rested_probe_asks_no_more_than_it_must() -> None:
    answers = iter([["the first"], ["the second"]])
    probe = health.Rested(lambda: next(answers))
    assert probe() == probe() == ["the first"]


def test_a_rested_probe_that_gets_no_answer_neither_hangs_nor_says_that_all_is_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "REST_S", 0.1)
    released, asked = Event(), Event()

    def hanging() -> list[str]:
        asked.set()
        released.wait(10)
        return []

    probe = health.Rested(hanging)
    first = Thread(target=probe)
    first.start()
    asked.wait(10)
    assert probe() == []  # not overdue yet
    time.sleep(0.3)
    assert probe()[0].startswith("no answer for")
    released.set()
    first.join(10)
    assert probe() == []
