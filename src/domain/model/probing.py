"""What was found out about Xero by asking it: nothing of the organisation that was asked about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """
    One fact about Xero.

    Attributes:
        fact: its name, the same in every version.
        question: what is asked.
        assumed: what this service takes for true.
        found: what Xero's answers say; None where they could not tell.
    """

    fact: str
    question: str
    assumed: object
    found: object

    @property
    def differs(self) -> bool:
        """Whether Xero does otherwise than this service takes for true."""
        return self.found is not None and self.found != self.assumed


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedOnce:
    """One request to Xero, and its answer without its values: `shape` names fields and kinds of values."""

    path: str
    headers: Sequence[str]
    status: int
    answered: Mapping[str, str]
    wire_bytes: int
    body_bytes: int
    shape: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What a probe has found, and the requests that it made for that."""

    region: str
    findings: Sequence[Finding]
    asked: Sequence[AskedOnce]
