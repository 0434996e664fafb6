-- A list is as current as when we began to look, however long its pages took.
ALTER TABLE allie_xero.scan ADD COLUMN begun_at TIMESTAMP WITH TIME ZONE;

-- New Zealand tells two quantities of a leave: what is paid and what is taken, each in units of its own.
ALTER TABLE allie_xero.leave_period
    ADD COLUMN type_of_units TEXT, ADD COLUMN units_taken NUMERIC, ADD COLUMN type_of_units_taken TEXT;

CREATE OR REPLACE VIEW allie_xero_read.leave_period WITH (security_invoker) AS
SELECT t.clinic_id, t.connection_id, t.application_id AS leave_application_id, a.employee_id, a.leave_type_id,
       t.position, t.period_start, t.period_end, t.units, t.status,
       greatest(t.changed_at, a.changed_at) AS changed_at, t.type_of_units, t.units_taken,
       t.type_of_units_taken
  FROM allie_xero.leave_period t
  JOIN allie_xero.connection c ON c.id = t.connection_id
  JOIN allie_xero.leave_application a ON a.connection_id = t.connection_id AND a.id = t.application_id
 WHERE c.status <> 'disconnected' AND t.deleted_at IS NULL AND a.deleted_at IS NULL;

-- An employee's first terms are those of when we first looked, which may be later than payslips that are here.
CREATE OR REPLACE VIEW allie_xero_read.employee_version WITH (security_invoker) AS
SELECT t.clinic_id, t.connection_id, t.employee_id, t.valid_from, t.valid_to, t.status, t.job_title,
       t.employment_basis, t.employee_group, t.calendar_id, t.pay_basis, t.annual_salary,
       t.hours_per_week, t.rate_per_unit,
       NOT EXISTS (SELECT FROM allie_xero.employee_version v
                    WHERE v.connection_id = t.connection_id AND v.employee_id = t.employee_id
                      AND v.valid_from < t.valid_from AND v.deleted_at IS NULL) AS is_first
  FROM allie_xero.employee_version t JOIN allie_xero.connection c ON c.id = t.connection_id
 WHERE c.status <> 'disconnected' AND t.deleted_at IS NULL;

-- What was noted as posted of a run that did not tie out is no amount to hold a later one against.
UPDATE allie_xero.payslip s SET posted = NULL
  FROM allie_xero.pay_run r
 WHERE r.connection_id = s.connection_id AND r.id = s.pay_run_id AND r.ties_out IS FALSE;

-- A run's totals that are sums of its payslips are told only while those are the whole run: not before they are
-- read, and not while they are withheld.
CREATE OR REPLACE VIEW allie_xero_read.pay_run WITH (security_invoker) AS
SELECT t.clinic_id, t.connection_id, t.id AS pay_run_id, t.calendar_id, t.run_type, t.status, t.period_start,
       t.period_end, t.payment_date, coalesce(t.earnings, s.earnings) AS earnings,
       coalesce(t.deductions, s.deductions) AS deductions, coalesce(t.tax, s.tax) AS tax,
       coalesce(t.statutory_deductions, s.statutory_deductions) AS statutory_deductions,
       coalesce(t.employer_pension, s.employer_pension) AS employer_pension,
       coalesce(t.employer_tax, s.employer_tax) AS employer_tax,
       coalesce(t.reimbursements, s.reimbursements) AS reimbursements, t.net_pay, t.total_cost,
       CASE WHEN NOT t.stale AND t.set_aside_at IS NULL THEN t.ties_out END AS ties_out, t.source_updated_at,
       greatest(t.changed_at, s.changed_at) AS changed_at
  FROM allie_xero.pay_run t
  JOIN allie_xero.connection c ON c.id = t.connection_id
  LEFT JOIN LATERAL (
      SELECT coalesce(sum(p.earnings), 0) AS earnings, coalesce(sum(p.deductions), 0) AS deductions,
             coalesce(sum(p.tax), 0) AS tax, coalesce(sum(p.statutory_deductions), 0) AS statutory_deductions,
             coalesce(sum(p.employer_pension), 0) AS employer_pension,
             coalesce(sum(p.employer_tax), 0) AS employer_tax, coalesce(sum(p.reimbursements), 0) AS reimbursements,
             max(p.changed_at) AS changed_at
        FROM allie_xero.payslip p
       WHERE p.connection_id = t.connection_id AND p.pay_run_id = t.id AND p.deleted_at IS NULL
      HAVING t.earnings IS NULL AND t.ties_out
  ) s ON true
 WHERE c.status <> 'disconnected' AND t.deleted_at IS NULL;

CREATE OR REPLACE VIEW allie_xero_read.pay_period WITH (security_invoker) AS
SELECT clinic_id, connection_id, calendar_id, period_start, period_end, count(*) AS pay_runs,
       count(*) FILTER (WHERE status = 'posted') AS posted_pay_runs, min(payment_date) AS first_payment_date,
       max(payment_date) AS last_payment_date,
       CASE WHEN bool_and(earnings IS NOT NULL) FILTER (WHERE status = 'posted')
            THEN sum(earnings) FILTER (WHERE status = 'posted') END AS posted_earnings,
       CASE WHEN bool_and(net_pay IS NOT NULL) FILTER (WHERE status = 'posted')
            THEN sum(net_pay) FILTER (WHERE status = 'posted') END AS posted_net_pay
  FROM allie_xero_read.pay_run
 GROUP BY clinic_id, connection_id, calendar_id, period_start, period_end;
