"""Names for identifiers, so that a clinic is never passed where a connection is meant."""

from typing import NewType

ClinicId = NewType("ClinicId", str)
"""The main platform's own id of a clinic."""

ConnectionId = NewType("ConnectionId", int)
"""Ours: one organisation's consent, through all its disconnects and reconnects."""

CredentialId = NewType("CredentialId", int)
"""Ours: one token set, from its consent to its shredding."""

SyncId = NewType("SyncId", int)
"""Ours: one pass over a connection's streams."""

TenantId = NewType("TenantId", str)
"""Xero's id of an organisation (`Xero-Tenant-Id`)."""

XeroConnectionId = NewType("XeroConnectionId", str)
"""Xero's id of the link between a user, our app and a tenant; what `DELETE /connections` takes."""

XeroUserId = NewType("XeroUserId", str)
"""Xero's id of the person who consented."""

SourceId = NewType("SourceId", str)
"""Xero's id of a payroll record; usually a UUID, but never parsed as one."""

FailureId = NewType("FailureId", int)
"""Ours: one failure, through all its attempts."""

ReplayId = NewType("ReplayId", int)
"""Ours: one operator's wish to have failures worked again."""

ReplayItemId = NewType("ReplayItemId", int)
"""Ours: one failure within one replay."""

PauseId = NewType("PauseId", int)
"""Ours: one rest that an operator has ordered."""

EventId = NewType("EventId", str)
"""A CloudEvent's id, unique within its source."""


def share(connection_id: ConnectionId) -> float:
    """A connection's fixed place in an interval, 0 to 1: Knuth's multiplicative hash."""
    return (connection_id * 2_654_435_761 % 2**32) / 2**32
