"""The main platform's two programs, as the kit runs them; what they read and print is the kit's contract."""

import json
import os
import shlex
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from entrypoints.exchange import Heard, hearing

READY = "ready"
POLL_S = 0.1


class ProgramFault(Exception):
    """A program did not do its part; the message says what it did."""


def tell(command: str, environment: Mapping[str, str], happened: Mapping[str, Any], patience: float) -> None:
    """Run the producer, with what has happened as JSON on its standard input. Raises ProgramFault."""
    try:
        done = subprocess.run(
            shlex.split(command),
            input=json.dumps(happened),
            env={**os.environ, **environment},
            text=True,
            stdout=subprocess.DEVNULL,
            timeout=patience,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ProgramFault(f"the producer had not ended after {patience:.0f} s") from None
    except OSError as error:
        raise ProgramFault(f"the producer cannot be started: {error}") from None
    if done.returncode != 0:
        raise ProgramFault(f"the producer ended with exit code {done.returncode}")


class Consumer:
    """
    The consumer while it runs.

    It prints `ready` once its queue is bound, then a line for every event that it has worked, with the
    event's id as the first word. `worked` are those words, in order.
    """

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._is_ready = False
        self.worked: list[str] = []

    def listen(self) -> None:
        """Read what it prints until it ends."""
        for line in self._process.stdout or ():
            word = line.split(maxsplit=1)[0] if line.strip() else ""
            if word == READY:
                self._is_ready = True
            elif word:
                self.worked.append(word)

    def is_ready(self) -> bool:
        """Whether it listens. Raises ProgramFault if it never will."""
        return self._is_ready or self._goes_on()

    def has_worked(self, ids: Collection[str]) -> bool:
        """Whether it has worked all of these. Raises ProgramFault if it never will."""
        return set(ids) <= set(self.worked) or self._goes_on()

    def _goes_on(self) -> bool:
        """False while it runs, for it may yet. Raises ProgramFault if it has ended."""
        code = self._process.poll()
        if code is not None:
            raise ProgramFault(f"the consumer ended by itself, with exit code {code}")
        return False


@contextmanager
def consuming(command: str, amqp_url: str, patience: float) -> Iterator[Consumer]:
    """Run the consumer, from its `ready` until the end of the context. Raises ProgramFault."""
    try:
        process = subprocess.Popen(
            shlex.split(command),
            env={**os.environ, "AMQP_URL": amqp_url},
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
    except OSError as error:
        raise ProgramFault(f"the consumer cannot be started: {error}") from None
    consumer = Consumer(process)
    reader = Thread(target=consumer.listen, name="consumer", daemon=True)
    reader.start()
    try:
        if not within(patience, consumer.is_ready):
            raise ProgramFault(f"the consumer did not print {READY!r} within {patience:.0f} s")
        yield consumer
    finally:
        _end(process)
        reader.join(patience)


@contextmanager
def overhearing(amqp_url: str) -> Iterator[list[Heard]]:
    """Every message on the exchange, whatever its routing key, for as long as the context lasts."""
    heard: list[Heard] = []
    stop = Event()
    with hearing(amqp_url, "#") as hear:

        def listen() -> None:
            while not stop.is_set():
                if (message := hear(POLL_S)) is not None:
                    heard.append(message)

        thread = Thread(target=listen, name="overhearing", daemon=True)
        thread.start()
        try:
            yield heard
        finally:
            stop.set()
            thread.join()


def within(patience: float, condition: Callable[[], object]) -> bool:
    """Whether a condition comes true within so many seconds."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def _end(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
