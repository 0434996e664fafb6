"""
What outbound events say of the business, counted when the broker has confirmed them.

They tell exactly what clinics and the main platform are told, once, so no other place need count it.
"""

from collections.abc import Mapping

import structlog

from domain.messages import ConnectionChanged, Envelope, Fault, SyncFinished
from entrypoints.metrics import Metrics

log = structlog.get_logger("allie_xero")

CLINICS_FAULTS = {Fault.SCOPE_MISSING}
"""Faults of a stream that only the clinic can mend."""


def count_sent(metrics: Metrics, envelope: Envelope) -> None:
    """Count one event, and log it in its trace."""
    metrics.events_sent(envelope.type.split(".")[-2])
    data = envelope.data
    match envelope.type:
        case ConnectionChanged.type:
            metrics.connection_changes(str(data["status"]), str(data["reason"] or "none"))
        case SyncFinished.type:
            _count_sync(metrics, data)
    log.info(
        "event sent",
        event_type=envelope.type,
        event_id=envelope.id,
        clinic_id=envelope.clinic_id,
        trace_id=envelope.traceparent.split("-")[1] if envelope.traceparent else None,
    )


def _count_sync(metrics: Metrics, data: Mapping[str, object]) -> None:
    streams: Mapping[str, Mapping[str, int | str | None]] = data["streams"]  # type: ignore[assignment]
    metrics.sync_runs(str(data["mode"]), _result_of(streams))
    for stream, result in streams.items():
        metrics.changed(stream, by=int(result["changed"] or 0) + int(result["gone"] or 0))


def _result_of(streams: Mapping[str, Mapping[str, int | str | None]]) -> str:
    faults = {result["fault"] for result in streams.values() if result["fault"]}
    if faults - CLINICS_FAULTS:
        return "faulty"
    if faults:
        return "clinic"
    return "partial" if any(result["unreadable"] for result in streams.values()) else "ok"
