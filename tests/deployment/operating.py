"""The command line as an operator uses it: a login with the operator's role, and what it prints."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from entrypoints import cli


@dataclass
class Operator:
    """Runs commands in this process, as `allie-xero` would, and remembers nothing."""

    url: str
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    name: str = "olga"
    columns: int = 80

    def run(self, *words: str, code: int = 0) -> str:
        """What a command prints, on both streams; it must end with that exit code."""
        self.monkeypatch.setenv("DATABASE_URL", self.url)
        self.monkeypatch.setenv("ALLIE_XERO_OPERATOR", self.name)
        self.monkeypatch.setenv("COLUMNS", str(self.columns))
        self.monkeypatch.setattr("sys.argv", ["allie-xero", *words])
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = self.capsys.readouterr()
        assert (ended.value.code or 0) == code, said
        return said.out + said.err

    def json(self, *words: str, code: int = 0) -> Any:
        """What a command prints as JSON."""
        return json.loads(self.run(*words, "--json", code=code))
