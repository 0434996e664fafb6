-- A row of a view has changed when any row that it is made of has: who follows `changed_at` would else never hear that
-- a draft was posted, a withheld payslip is shown, or a timesheet was approved.

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
      HAVING t.earnings IS NULL AND t.ties_out IS NOT NULL
  ) s ON true
 WHERE c.status <> 'disconnected' AND t.deleted_at IS NULL;

-- Until a run that differs from what its payslips were compared with is read, theirs may be another version's: as a
-- draft's would be, of a run that was posted since.
CREATE OR REPLACE VIEW allie_xero_read.payslip WITH (security_invoker) AS
SELECT t.clinic_id, t.connection_id, t.id AS payslip_id, t.pay_run_id, t.employee_id, t.first_name,
       t.last_name, t.employee_group, r.status AS pay_run_status, r.calendar_id, r.period_start, r.period_end,
       r.payment_date, t.earnings, t.deductions, t.tax, t.statutory_deductions, t.employer_pension,
       t.employer_tax, t.reimbursements, t.net_pay,
       NOT t.stale AND t.set_aside_at IS NULL AND r.ties_out IS NOT NULL AS has_lines,
       t.source_updated_at, greatest(t.changed_at, r.changed_at) AS changed_at
  FROM allie_xero.payslip t
  JOIN allie_xero.connection c ON c.id = t.connection_id
  JOIN allie_xero.pay_run r ON r.connection_id = t.connection_id AND r.id = t.pay_run_id
 WHERE c.status <> 'disconnected' AND t.deleted_at IS NULL AND r.deleted_at IS NULL
   AND r.ties_out IS NOT FALSE;

CREATE OR REPLACE VIEW allie_xero_read.pay_line WITH (security_invoker) AS
SELECT t.clinic_id, t.connection_id, t.payslip_id, s.pay_run_id, s.employee_id, s.pay_run_status,
       s.payment_date, t.kind, t.position,
       CASE
           WHEN t.kind = 'leave_earnings' THEN 'leave'
           WHEN t.kind IN ('earnings', 'timesheet_earnings') THEN
               CASE
                   WHEN i.category LIKE '%overtime%' THEN 'overtime'
                   WHEN i.category LIKE '%allowance%' THEN 'allowance'
                   WHEN i.category LIKE ANY (ARRAY['%bonus%', '%commission%']) THEN 'bonus'
                   WHEN i.category LIKE ANY (ARRAY['%termination%', 'lumpsum%']) THEN 'termination'
                   WHEN i.category LIKE ANY (ARRAY['statutory%', '%holiday%', '%leave%']) THEN 'leave'
                   ELSE 'ordinary'
               END
           WHEN t.kind = 'employer_pension' AND t.line_type IN ('salarysacrifice', 'employee')
               THEN 'employee_pension'
           WHEN t.kind IN ('deduction', 'statutory_deduction')
                AND i.category LIKE ANY (ARRAY['%kiwisaver%', '%pension%', '%super%'])
               THEN 'employee_pension'
           WHEN t.kind IN ('statutory_deduction', 'court_order') THEN 'statutory_deduction'
           ELSE t.kind
       END AS class,
       t.item_id, coalesce(t.name, i.name) AS name, t.line_type, t.units, i.type_of_units, t.rate, t.percentage,
       t.amount, greatest(t.changed_at, s.changed_at) AS changed_at
  FROM allie_xero.pay_line t
  JOIN allie_xero_read.payslip s ON s.connection_id = t.connection_id AND s.payslip_id = t.payslip_id
  LEFT JOIN LATERAL (SELECT name, category, type_of_units FROM allie_xero.pay_item
                      WHERE connection_id = t.connection_id AND id = t.item_id LIMIT 1) i ON true
 WHERE t.deleted_at IS NULL;

CREATE OR REPLACE VIEW allie_xero_read.timesheet_entry WITH (security_invoker) AS
SELECT t.clinic_id, t.connection_id, t.timesheet_id, s.employee_id, s.status, t.position, t.day,
       t.earnings_rate_id, t.tracking_item_id, t.units,
       greatest(t.changed_at, s.changed_at) AS changed_at
  FROM allie_xero.timesheet_entry t
  JOIN allie_xero.connection c ON c.id = t.connection_id
  JOIN allie_xero.timesheet s ON s.connection_id = t.connection_id AND s.id = t.timesheet_id
 WHERE c.status <> 'disconnected' AND t.deleted_at IS NULL AND s.deleted_at IS NULL;

CREATE OR REPLACE VIEW allie_xero_read.leave_period WITH (security_invoker) AS
SELECT t.clinic_id, t.connection_id, t.application_id AS leave_application_id, a.employee_id, a.leave_type_id,
       t.position, t.period_start, t.period_end, t.units, t.status,
       greatest(t.changed_at, a.changed_at) AS changed_at
  FROM allie_xero.leave_period t
  JOIN allie_xero.connection c ON c.id = t.connection_id
  JOIN allie_xero.leave_application a ON a.connection_id = t.connection_id AND a.id = t.application_id
 WHERE c.status <> 'disconnected' AND t.deleted_at IS NULL AND a.deleted_at IS NULL;

-- Payslips that are withheld, or may be of another version, are not known.
CREATE OR REPLACE VIEW allie_xero_read.freshness WITH (security_invoker) AS
SELECT t.clinic_id, t.connection_id, s.stream,
       CASE WHEN bool_and(t.finished_at IS NOT NULL) THEN min(t.finished_at) END AS checked_at,
       max(t.fault) AS fault,
       CASE s.stream
           WHEN 'pay_runs' THEN
               (SELECT max(r.payment_date) FROM allie_xero.pay_run r
                 WHERE r.connection_id = t.connection_id AND r.status = 'posted' AND r.deleted_at IS NULL)
           WHEN 'payslips' THEN
               (SELECT max(p.payment_date) FROM allie_xero.payslip p
                  JOIN allie_xero.pay_run r ON r.connection_id = p.connection_id AND r.id = p.pay_run_id
                 WHERE p.connection_id = t.connection_id AND r.status = 'posted' AND NOT p.stale
                   AND p.set_aside_at IS NULL AND p.deleted_at IS NULL AND r.deleted_at IS NULL AND r.ties_out)
           WHEN 'timesheets' THEN
               (SELECT max(h.period_end) FROM allie_xero.timesheet h
                 WHERE h.connection_id = t.connection_id AND h.deleted_at IS NULL)
       END AS known_to
  FROM allie_xero.scan t
  JOIN allie_xero.connection c ON c.id = t.connection_id
 CROSS JOIN LATERAL unnest(
       CASE
           WHEN t.resource = 'pay_runs' THEN ARRAY['pay_runs', 'payslips']
           WHEN t.resource = 'terminated_employees' THEN ARRAY['employees']
           WHEN t.resource IN ('organisation', 'users', 'employees', 'timesheets', 'leave')
               THEN ARRAY[t.resource]
           ELSE ARRAY['settings']
       END) AS s (stream)
 WHERE c.status <> 'disconnected'
 GROUP BY t.clinic_id, t.connection_id, s.stream;

-- What is paid by the piece, as by consultation or by kilometre, says so by its unit, and is no hours.
CREATE OR REPLACE VIEW allie_xero_read.payslip_cost WITH (security_invoker) AS
SELECT s.clinic_id, s.connection_id, s.payslip_id, s.pay_run_id, s.employee_id, s.pay_run_status,
       s.calendar_id, s.period_start, s.period_end, s.payment_date, s.earnings,
       coalesce(l.employer_pension, s.employer_pension, 0) AS employer_pension,
       coalesce(s.employer_tax, 0) AS employer_tax, s.reimbursements,
       s.earnings + coalesce(l.employer_pension, s.employer_pension, 0) + coalesce(s.employer_tax, 0) AS cost,
       l.hours_paid, l.leave_hours_paid, NOT s.has_lines AS is_provisional
  FROM allie_xero_read.payslip s
  LEFT JOIN LATERAL (
      SELECT coalesce(sum(p.amount) FILTER (WHERE p.class = 'employer_pension'), 0) AS employer_pension,
             coalesce(sum(p.hours) FILTER (WHERE p.class IN ('ordinary', 'overtime')), 0) AS hours_paid,
             coalesce(sum(p.hours) FILTER (WHERE p.class = 'leave'), 0) AS leave_hours_paid
        FROM (SELECT class, amount, CASE WHEN coalesce(type_of_units, 'hours') ~ '\mh(ou)?rs?\M' THEN units END AS hours
                FROM allie_xero_read.pay_line
               WHERE connection_id = s.connection_id AND payslip_id = s.payslip_id) p
  ) l ON s.has_lines;
