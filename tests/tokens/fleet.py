"""Connected clinics on real adapters, and processes that work on their tokens."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import forkserver, get_context
from multiprocessing.process import BaseProcess
from typing import Any
from unittest.mock import patch

from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from adapters.crypto.generation import new_document
from deployment.ageing import age
from deployment.clinic import rows
from deployment.service import ServiceInProcess, environment_of, in_process
from domain.errors import ServiceError
from domain.messages import Job, KeepAlive
from domain.model.ids import ClinicId, ConnectionId, CredentialId
from simulator.client import Control

FORKS = get_context("forkserver")
"""Processes that begin with everything imported: dozens of them cost no more than a few seconds."""
FORKS.set_forkserver_preload(["tokens.victim"])

A_MINUTE = timedelta(minutes=1)


@dataclass
class Fleet:
    """Clinics of one database and one simulated Xero."""

    service: ServiceInProcess
    control: Control
    database_url: str
    environment: dict[str, str]

    def connect(self, *clinics: str) -> dict[str, KeepAlive]:
        """Connect clinics, each to an organisation and by a user of its own; give their keep-alives."""
        for clinic in clinics:
            self.service.clinic = clinic
            organisation = self.control.create_exact_organisation(staff=1, runs=1, timesheets="none")
            self.service.connect(self.control, organisation)
        found = rows(self.database_url, "SELECT clinic_id, id FROM allie_xero.connection")
        jobs = {clinic: KeepAlive(ClinicId(clinic), ConnectionId(number)) for clinic, number in found}
        return {clinic: jobs[clinic] for clinic in clinics}

    def credentials(self) -> list[tuple[ClinicId, CredentialId]]:
        """Every live token set."""
        query = "SELECT clinic_id, id FROM allie_xero.credential WHERE state = 'live' ORDER BY id"
        return [(ClinicId(clinic), CredentialId(number)) for clinic, number in rows(self.database_url, query)]

    def start(self, target: Callable[..., None], *arguments: object) -> BaseProcess:
        """A process of its own that runs `target` with the service's environment."""
        process = FORKS.Process(target=target, args=(self.environment, *arguments))
        process.start()
        return process

    def pass_time(self, by: timedelta) -> None:
        """For us and for Xero alike."""
        self.control.advance(by.total_seconds())
        engine = create_engine(self.database_url, poolclass=NullPool)
        with engine.begin() as session:
            age(session, by)

    def keep_alive(self) -> list[str]:
        """What the dispatcher would have done about tokens by now; how each of it ended."""
        jobs: list[Job] = []
        self.service.app.schedule_due_work(jobs.append)
        return [self.outcome(job) for job in jobs if isinstance(job, KeepAlive)]

    def outcome(self, job: KeepAlive) -> str:
        """Work one job; its outcome, or the error's name."""
        try:
            return str(self.service.run(job))
        except ServiceError as error:
            return type(error).__name__

    def ask(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """What the database says."""
        return rows(self.database_url, statement, *values)

    def in_doubt(self) -> set[str]:
        """Clinics whose last refresh has no known outcome."""
        query = "SELECT clinic_id FROM allie_xero.credential WHERE state = 'live' AND intent_at IS NOT NULL"
        return {clinic for (clinic,) in self.ask(query)}

    def statuses(self) -> dict[str, str]:
        """Every clinic's connection."""
        return dict(self.ask("SELECT clinic_id, status FROM allie_xero.connection"))

    def presentations(self) -> int:
        """How often any refresh token was presented."""
        return sum(sum(family["presentations"].values()) for family in self.control.tokens())

    def overlaps(self) -> int:
        """How often a refresh token was presented while another of the same consent was on its way."""
        return sum(family["overlaps"] for family in self.control.tokens())


@contextmanager
def fleet(database_url: str, control: Control) -> Iterator[Fleet]:
    """No clinics yet; a key ring that every process shares."""
    with patch.dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)):
        forkserver.ensure_running()  # it would not know where to find what it preloads
    environment = environment_of(database_url, control.url, ALLIE_XERO_KEYRING=json.dumps(new_document()))
    with in_process(database_url, control.url, **environment) as service:
        yield Fleet(service, control, database_url, environment)
