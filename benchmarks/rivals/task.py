"""What a rival is told to do, and what it tells: one JSON object each way."""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Task:
    """Read these payslips of an organisation, and write them to a database."""

    url: str
    tenant: str
    token: str
    database: str
    payslips: list[str]


def perform(work: Callable[[Task], object]) -> None:
    """Do the task in the file that the command line names, and print what it took of this process."""
    task = Task(**json.loads(Path(sys.argv[1]).read_text()))
    cpu, wall = time.process_time(), time.perf_counter()
    work(task)
    print(json.dumps({"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}))
