"""What a save means for the past: terms of employment, corrections of what was posted, what ties out."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection as Session
from sqlalchemy import text

from adapters.postgres.payroll import tables
from adapters.postgres.payroll.rows import TOTALS
from domain.model.ids import SourceId

VERSIONED = [
    column.name
    for column in tables.employee_version.columns
    if column.name in tables.employee.columns
    and not column.primary_key
    and column.name not in ("clinic_id", "first_seen_at", "changed_at", "deleted_at")
]
_THEN = ", ".join(f"v.{one}" for one in VERSIONED)
_NOW = ", ".join(f"e.{one}" for one in VERSIONED)

END_VERSIONS = text(f"""
UPDATE allie_xero.employee_version v SET valid_to = now(), changed_at = now()
  FROM allie_xero.employee e
 WHERE v.connection_id = :connection_id AND v.employee_id = ANY(:ids) AND v.valid_to IS NULL
   AND e.connection_id = v.connection_id AND e.id = v.employee_id AND ({_THEN}) IS DISTINCT FROM ({_NOW})
""")  # noqa: S608

BEGIN_VERSIONS = text(f"""
INSERT INTO allie_xero.employee_version
       (connection_id, clinic_id, employee_id, valid_from, {", ".join(VERSIONED)})
SELECT e.connection_id, e.clinic_id, e.id,
       CASE WHEN EXISTS (SELECT FROM allie_xero.employee_version v
                          WHERE v.connection_id = e.connection_id AND v.employee_id = e.id)
            THEN now() ELSE least(CAST(e.start_date AS timestamptz), now()) END, {_NOW}
  FROM allie_xero.employee e
 WHERE e.connection_id = :connection_id AND e.id = ANY(:ids)
   AND NOT EXISTS (SELECT FROM allie_xero.employee_version v WHERE v.connection_id = e.connection_id
                      AND v.employee_id = e.id AND v.valid_to IS NULL)
ON CONFLICT DO NOTHING
""")  # noqa: S608

_SUMS = " AND ".join(
    f"(r.{one} IS NULL OR round(r.{one}, 2) = round(coalesce(sum(s.{one}), 0), 2))" for one in TOTALS
)

TIE_OUT = text(f"""
WITH tied AS (
    SELECT r.id, CASE WHEN r.deleted_at IS NULL THEN {_SUMS} END AS ties_out
      FROM allie_xero.pay_run r
      LEFT JOIN allie_xero.payslip s ON s.connection_id = r.connection_id AND s.pay_run_id = r.id
                                    AND s.deleted_at IS NULL
     WHERE r.connection_id = :connection_id AND r.id = ANY(:runs)
     GROUP BY r.connection_id, r.id
)
UPDATE allie_xero.pay_run r SET ties_out = tied.ties_out, changed_at = now()
  FROM tied WHERE r.connection_id = :connection_id AND r.id = tied.id
                  AND r.ties_out IS DISTINCT FROM tied.ties_out
RETURNING r.id, r.ties_out
""")  # noqa: S608

_POSTED = ", ".join(f"'{one}', s.{one}" for one in TOTALS)

NOTE_CORRECTIONS = text(f"""
WITH seen AS (
    SELECT s.id, s.clinic_id, s.pay_run_id, s.employee_id, s.posted AS old,
           CASE WHEN s.deleted_at IS NULL AND r.deleted_at IS NULL
                THEN jsonb_build_object({_POSTED}) END AS new
      FROM allie_xero.payslip s
      JOIN allie_xero.pay_run r ON r.connection_id = s.connection_id AND r.id = s.pay_run_id
     WHERE s.connection_id = :connection_id AND s.pay_run_id = ANY(:runs)
       AND (r.status = 'posted' AND r.ties_out OR r.deleted_at IS NOT NULL)
), differing AS (
    SELECT * FROM seen WHERE old IS DISTINCT FROM new
), noted AS (
    INSERT INTO allie_xero.correction
           (connection_id, clinic_id, payslip_id, noticed_at, field, pay_run_id, employee_id, old_amount,
            new_amount)
    SELECT :connection_id, clinic_id, id, now(), field, pay_run_id, employee_id,
           CAST(old ->> field AS numeric), CAST(new ->> field AS numeric)
      FROM differing, unnest(CAST(:fields AS text[])) AS field
     WHERE old IS NOT NULL
       AND CAST(old ->> field AS numeric) IS DISTINCT FROM CAST(new ->> field AS numeric)
)
UPDATE allie_xero.payslip s SET posted = d.new
  FROM differing d WHERE s.connection_id = :connection_id AND s.id = d.id
""")  # noqa: S608


def note_versions(session: Session, scope: Mapping[str, object], ids: Sequence[str]) -> None:
    """
    Begin a new version of each employee whose terms have changed.

    What held when we first looked is taken to have held since the employee's start, if that has been.
    """
    values = {**scope, "ids": list(ids)}
    session.execute(END_VERSIONS, values)
    session.execute(BEGIN_VERSIONS, values)


def tie_out(session: Session, scope: Mapping[str, object], runs: Sequence[str]) -> dict[SourceId, bool]:
    """Compare pay runs with their payslips, to the cent; give those whose answer is new and not none."""
    found = session.execute(TIE_OUT, {**scope, "runs": list(runs)})
    return {SourceId(row.id): row.ties_out for row in found if row.ties_out is not None}


def note_corrections(session: Session, scope: Mapping[str, object], runs: Sequence[str]) -> None:
    """
    Note which amounts of posted payslips are not what they were when they were last posted.

    What a draft shows in between, while a run is reverted, counts for nothing; nor does what does not tie
    out, as it may be of a draft that we do not know of yet, or not all there is.
    """
    session.execute(NOTE_CORRECTIONS, {**scope, "runs": list(runs), "fields": list(TOTALS)})
