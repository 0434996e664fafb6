"""Where the main platform's producer is told what has happened, and judged by what it publishes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.messages import ConnectCompleted, Disconnect, SyncRequested
from entrypoints.cli.output import console
from entrypoints.demo.parts import Parts
from entrypoints.exchange import Heard, send_raw
from entrypoints.kit.judging import faults_of, is_for_the_service
from entrypoints.kit.programs import ProgramFault, tell, within

Event = dict[str, Any]
Happened = Mapping[str, Any]

EVENT_OF = {
    "consented": ConnectCompleted.type,
    "chose": ConnectCompleted.type,
    "asked_for_data": SyncRequested.type,
    "disconnected": Disconnect.type,
}

MARK = "contract-kit.mark"
"""What the kit publishes after a producer: what comes before it has been published, all of it."""

REDIRECT = ("code", "redirect_uri", "code_verifier")
ARRIVES_WITHIN_S = 15.0
"""How long a message takes at most from the end of the producer to the exchange."""


@dataclass
class Stage:
    """
    The parts that run, and what was found so far.

    `environment` is what the producer gets to know; without a producer the kit publishes by itself.
    """

    parts: Parts
    producer: str | None
    environment: Mapping[str, str]
    patience: float
    overheard: list[Heard]
    faults: int = 0
    ids: list[str] = field(default_factory=list)

    def step(self, happened: Happened, answer: str, is_answer: Callable[[Event], object]) -> Event | None:
        """
        Tell the producer what has happened, judge what it publishes, and wait for the service's answer.

        Gives the answer; None if there is none.
        """
        since = len(self.parts.heard)

        def found() -> list[Event]:
            return [one for one in self.parts.heard[since:] if is_answer(one)]

        try:
            faults = self._published(happened)
            if not within(self.patience, found):
                said = "; ".join(map(_gist, self.parts.heard[since:])) or "nothing"
                faults.append(f"the service answered with {said}")
        except ProgramFault as fault:
            faults = [str(fault)]
        self.say(f"{happened['what']}: {answer}", faults)
        return next(iter(found()), None)

    def say(self, title: str, faults: list[str]) -> None:
        """Say how something went, and count its faults."""
        self.faults += len(faults)
        console.print(f"{'[bold red]WRONG[/]' if faults else '[green]ok[/]   '}  {title}")
        for line in faults:
            console.print(f"       {line}", markup=False)

    def _published(self, happened: Happened) -> list[str]:
        """What is wrong with what was published. Raises ProgramFault if nothing can come of it."""
        due, since = EVENT_OF[happened["what"]], len(self.overheard)

        def found() -> list[Heard]:
            heard = self.overheard[since:]
            return [one for one in heard if one.routing_key != MARK and is_for_the_service(one)]

        self._tell(happened, due)
        if not within(ARRIVES_WITHIN_S, found):
            raise ProgramFault("nothing was published to the exchange allie.events")
        send_raw(self.parts.amqp_url, b"", MARK)
        within(ARRIVES_WITHIN_S, lambda: any(one.routing_key == MARK for one in self.overheard[since:]))
        heard = found()
        faults = [line for one in heard for line in faults_of(one, due, happened["clinic_id"], self.ids)]
        self.ids += [str(one.document["id"]) for one in heard]
        return faults + [f"{len(heard)} events were published where one was due"] * (len(heard) > 1)

    def _tell(self, happened: Happened, due: str) -> None:
        if self.producer is not None:
            tell(self.producer, self.environment, happened, self.patience)
            return
        data = {name: value for name, value in happened.items() if name != "what"}
        if "code" in data:
            data["grant"] = {"type": "authorization_code"}
            data["grant"] |= {name: data.pop(name) for name in REDIRECT if name in data}
        self.parts.publish(due, data)


def _gist(event: Event) -> str:
    data = event["data"]
    said = [
        event["type"].split(".")[2],
        data["clinic_id"],
        data.get("status"),
        data.get("mode"),
        data.get("reason"),
    ]
    return " ".join(one for one in said if one)
