-- What the main platform reads. A clinic's rows are there while its connection is open, and hidden from the
-- moment it is disconnected. docs/data-model.md says what every column means.

CREATE SCHEMA allie_xero_read;

CREATE VIEW allie_xero_read.connection WITH (security_invoker) AS
SELECT clinic_id, id AS connection_id, status, reason, tenant_id, tenant_name AS organisation, region,
       connected_at, disconnected_at, erase_at, erased_at
  FROM allie_xero.connection;

CREATE VIEW allie_xero_read.organisation WITH (security_invoker) AS
SELECT t.clinic_id, t.connection_id, t.id AS organisation_id, t.name, t.legal_name, t.region, t.version,
       t.country_code, t.currency, t.timezone, t.status, t.organisation_type, t.plan, t.is_demo,
       t.financial_year_end_day, t.financial_year_end_month, t.created_at, t.changed_at
  FROM allie_xero.organisation t JOIN allie_xero.connection c ON c.id = t.connection_id
 WHERE c.status <> 'disconnected' AND t.deleted_at IS NULL;

CREATE VIEW allie_xero_read.account_user WITH (security_invoker) AS
SELECT t.clinic_id, t.connection_id, t.id AS user_id, t.email, t.first_name, t.last_name, t.role,
       t.is_subscriber, t.source_updated_at, t.changed_at
  FROM allie_xero.account_user t JOIN allie_xero.connection c ON c.id = t.connection_id
 WHERE c.status <> 'disconnected' AND t.deleted_at IS NULL;

CREATE VIEW allie_xero_read.connecting_user WITH (security_invoker) AS
SELECT t.clinic_id, t.connection_id, t.user_id AS xero_user_id, t.user_name AS name, t.user_email AS email
  FROM allie_xero.credential t JOIN allie_xero.connection c ON c.id = t.connection_id
 WHERE c.status <> 'disconnected' AND t.state = 'live';

CREATE VIEW allie_xero_read.payroll_settings WITH (security_invoker) AS
SELECT t.clinic_id, t.connection_id, t.days_in_payroll_year, t.accounts, t.tracking_categories,
       t.changed_at
  FROM allie_xero.payroll_settings t JOIN allie_xero.connection c ON c.id = t.connection_id
 WHERE c.status <> 'disconnected' AND t.deleted_at IS NULL;

CREATE VIEW allie_xero_read.pay_calendar WITH (security_invoker) AS
SELECT t.clinic_id, t.connection_id, t.id AS calendar_id, t.name, t.calendar_type, t.period_start,
       t.period_end, t.payment_date, t.source_updated_at, t.changed_at
  FROM allie_xero.pay_calendar t JOIN allie_xero.connection c ON c.id = t.connection_id
 WHERE c.status <> 'disconnected' AND t.deleted_at IS NULL;

CREATE VIEW allie_xero_read.pay_item WITH (security_invoker) AS
SELECT t.clinic_id, t.connection_id, t.kind, t.id AS item_id, t.name, t.category, t.rate_type,
       t.type_of_units, t.rate_per_unit, t.multiplier, t.account_code, t.is_current, t.source_updated_at,
       t.changed_at
  FROM allie_xero.pay_item t JOIN allie_xero.connection c ON c.id = t.connection_id
 WHERE c.status <> 'disconnected' AND t.deleted_at IS NULL;

CREATE VIEW allie_xero_read.employee WITH (security_invoker) AS
SELECT t.clinic_id, t.connection_id, t.id AS employee_id, t.first_name, t.last_name, t.email, t.status,
       t.start_date, t.end_date, t.end_reason, t.job_title, t.classification, t.employee_group,
       t.employment_basis, t.calendar_id, t.ordinary_rate_id, t.pay_basis, t.annual_salary,
       t.hours_per_week, t.rate_per_unit, t.source_updated_at, t.changed_at
  FROM allie_xero.employee t JOIN allie_xero.connection c ON c.id = t.connection_id
 WHERE c.status <> 'disconnected' AND t.deleted_at IS NULL;

CREATE VIEW allie_xero_read.employee_version WITH (security_invoker) AS
SELECT t.clinic_id, t.connection_id, t.employee_id, t.valid_from, t.valid_to, t.status, t.job_title,
       t.employment_basis, t.employee_group, t.calendar_id, t.pay_basis, t.annual_salary,
       t.hours_per_week, t.rate_per_unit
  FROM allie_xero.employee_version t JOIN allie_xero.connection c ON c.id = t.connection_id
 WHERE c.status <> 'disconnected' AND t.deleted_at IS NULL;

CREATE VIEW allie_xero_read.leave_balance WITH (security_invoker) AS
SELECT t.clinic_id, t.connection_id, t.employee_id, t.leave_type_id, t.name, t.units, t.type_of_units,
       t.changed_at
  FROM allie_xero.leave_balance t
  JOIN allie_xero.connection c ON c.id = t.connection_id
  JOIN allie_xero.employee e ON e.connection_id = t.connection_id AND e.id = t.employee_id
 WHERE c.status <> 'disconnected' AND t.deleted_at IS NULL AND e.deleted_at IS NULL;

-- New Zealand and the United Kingdom say of a run only what it pays out: the rest is the sum of its payslips.
CREATE VIEW allie_xero_read.pay_run WITH (security_invoker) AS
SELECT t.clinic_id, t.connection_id, t.id AS pay_run_id, t.calendar_id, t.run_type, t.status, t.period_start,
       t.period_end, t.payment_date, coalesce(t.earnings, s.earnings) AS earnings,
       coalesce(t.deductions, s.deductions) AS deductions, coalesce(t.tax, s.tax) AS tax,
       coalesce(t.statutory_deductions, s.statutory_deductions) AS statutory_deductions,
       coalesce(t.employer_pension, s.employer_pension) AS employer_pension,
       coalesce(t.employer_tax, s.employer_tax) AS employer_tax,
       coalesce(t.reimbursements, s.reimbursements) AS reimbursements, t.net_pay, t.total_cost,
       CASE WHEN NOT t.stale AND t.set_aside_at IS NULL THEN t.ties_out END AS ties_out, t.source_updated_at, t.changed_at
  FROM allie_xero.pay_run t
  JOIN allie_xero.connection c ON c.id = t.connection_id
  LEFT JOIN LATERAL (
      SELECT coalesce(sum(p.earnings), 0) AS earnings, coalesce(sum(p.deductions), 0) AS deductions,
             coalesce(sum(p.tax), 0) AS tax, coalesce(sum(p.statutory_deductions), 0) AS statutory_deductions,
             coalesce(sum(p.employer_pension), 0) AS employer_pension,
             coalesce(sum(p.employer_tax), 0) AS employer_tax, coalesce(sum(p.reimbursements), 0) AS reimbursements
        FROM allie_xero.payslip p
       WHERE p.connection_id = t.connection_id AND p.pay_run_id = t.id AND p.deleted_at IS NULL
      HAVING t.earnings IS NULL AND t.ties_out IS NOT NULL
  ) s ON true
 WHERE c.status <> 'disconnected' AND t.deleted_at IS NULL;

-- A run that does not equal the sum of its payslips is flagged in pay_run, and its payslips are withheld.
CREATE VIEW allie_xero_read.payslip WITH (security_invoker) AS
SELECT t.clinic_id, t.connection_id, t.id AS payslip_id, t.pay_run_id, t.employee_id, t.first_name,
       t.last_name, t.employee_group, r.status AS pay_run_status, r.calendar_id, r.period_start, r.period_end,
       r.payment_date, t.earnings, t.deductions, t.tax, t.statutory_deductions, t.employer_pension,
       t.employer_tax, t.reimbursements, t.net_pay, NOT t.stale AND t.set_aside_at IS NULL AS has_lines,
       t.source_updated_at, t.changed_at
  FROM allie_xero.payslip t
  JOIN allie_xero.connection c ON c.id = t.connection_id
  JOIN allie_xero.pay_run r ON r.connection_id = t.connection_id AND r.id = t.pay_run_id
 WHERE c.status <> 'disconnected' AND t.deleted_at IS NULL AND r.deleted_at IS NULL
   AND r.ties_out IS NOT FALSE;

-- The classes are ours, from Xero's lists and categories of the three countries.
CREATE VIEW allie_xero_read.pay_line WITH (security_invoker) AS
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
       t.amount, t.changed_at
  FROM allie_xero.pay_line t
  JOIN allie_xero_read.payslip s ON s.connection_id = t.connection_id AND s.payslip_id = t.payslip_id
  LEFT JOIN LATERAL (SELECT name, category, type_of_units FROM allie_xero.pay_item
                      WHERE connection_id = t.connection_id AND id = t.item_id LIMIT 1) i ON true
 WHERE t.deleted_at IS NULL;

-- What an employee costs in a pay run. The formula is ours: earnings, what the employer pays into a pension on
-- top of them, and the employer's own taxes. Salary sacrifice is in the earnings already.
CREATE VIEW allie_xero_read.payslip_cost WITH (security_invoker) AS
SELECT s.clinic_id, s.connection_id, s.payslip_id, s.pay_run_id, s.employee_id, s.pay_run_status,
       s.calendar_id, s.period_start, s.period_end, s.payment_date, s.earnings,
       coalesce(l.employer_pension, s.employer_pension, 0) AS employer_pension,
       coalesce(s.employer_tax, 0) AS employer_tax, s.reimbursements,
       s.earnings + coalesce(l.employer_pension, s.employer_pension, 0) + coalesce(s.employer_tax, 0) AS cost,
       l.hours_paid, l.leave_hours_paid, NOT s.has_lines AS is_provisional
  FROM allie_xero_read.payslip s
  LEFT JOIN LATERAL (
      SELECT sum(p.amount) FILTER (WHERE p.class = 'employer_pension') AS employer_pension,
             sum(p.units) FILTER (WHERE p.class IN ('ordinary', 'overtime')) AS hours_paid,
             sum(p.units) FILTER (WHERE p.class = 'leave') AS leave_hours_paid
        FROM allie_xero_read.pay_line p
       WHERE p.connection_id = s.connection_id AND p.payslip_id = s.payslip_id AND s.has_lines
  ) l ON true;

CREATE VIEW allie_xero_read.pay_period WITH (security_invoker) AS
SELECT clinic_id, connection_id, calendar_id, period_start, period_end, count(*) AS pay_runs,
       count(*) FILTER (WHERE status = 'posted') AS posted_pay_runs, min(payment_date) AS first_payment_date,
       max(payment_date) AS last_payment_date,
       sum(earnings) FILTER (WHERE status = 'posted') AS posted_earnings,
       sum(net_pay) FILTER (WHERE status = 'posted') AS posted_net_pay
  FROM allie_xero_read.pay_run
 GROUP BY clinic_id, connection_id, calendar_id, period_start, period_end;

CREATE VIEW allie_xero_read.timesheet WITH (security_invoker) AS
SELECT t.clinic_id, t.connection_id, t.id AS timesheet_id, t.employee_id, t.calendar_id, t.status,
       t.period_start, t.period_end, t.total_units, t.source_updated_at, t.changed_at
  FROM allie_xero.timesheet t JOIN allie_xero.connection c ON c.id = t.connection_id
 WHERE c.status <> 'disconnected' AND t.deleted_at IS NULL;

CREATE VIEW allie_xero_read.timesheet_entry WITH (security_invoker) AS
SELECT t.clinic_id, t.connection_id, t.timesheet_id, s.employee_id, s.status, t.position, t.day,
       t.earnings_rate_id, t.tracking_item_id, t.units, t.changed_at
  FROM allie_xero.timesheet_entry t
  JOIN allie_xero.connection c ON c.id = t.connection_id
  JOIN allie_xero.timesheet s ON s.connection_id = t.connection_id AND s.id = t.timesheet_id
 WHERE c.status <> 'disconnected' AND t.deleted_at IS NULL AND s.deleted_at IS NULL;

CREATE VIEW allie_xero_read.timesheet_hours WITH (security_invoker) AS
SELECT clinic_id, connection_id, employee_id, day, earnings_rate_id, status, sum(units) AS hours
  FROM allie_xero_read.timesheet_entry
 GROUP BY clinic_id, connection_id, employee_id, day, earnings_rate_id, status;

CREATE VIEW allie_xero_read.leave_application WITH (security_invoker) AS
SELECT t.clinic_id, t.connection_id, t.id AS leave_application_id, t.employee_id, t.leave_type_id,
       t.start_date, t.end_date, t.source_updated_at, t.changed_at
  FROM allie_xero.leave_application t JOIN allie_xero.connection c ON c.id = t.connection_id
 WHERE c.status <> 'disconnected' AND t.deleted_at IS NULL;

CREATE VIEW allie_xero_read.leave_period WITH (security_invoker) AS
SELECT t.clinic_id, t.connection_id, t.application_id AS leave_application_id, a.employee_id, a.leave_type_id,
       t.position, t.period_start, t.period_end, t.units, t.status, t.changed_at
  FROM allie_xero.leave_period t
  JOIN allie_xero.connection c ON c.id = t.connection_id
  JOIN allie_xero.leave_application a ON a.connection_id = t.connection_id AND a.id = t.application_id
 WHERE c.status <> 'disconnected' AND t.deleted_at IS NULL AND a.deleted_at IS NULL;

CREATE VIEW allie_xero_read.correction WITH (security_invoker) AS
SELECT t.clinic_id, t.connection_id, t.payslip_id, t.pay_run_id, t.employee_id, t.noticed_at, t.field,
       t.old_amount, t.new_amount
  FROM allie_xero.correction t JOIN allie_xero.connection c ON c.id = t.connection_id
 WHERE c.status <> 'disconnected' AND t.deleted_at IS NULL;

-- How current each stream is. A stream is as old as the oldest of its lists; payslips come with the pay runs.
CREATE VIEW allie_xero_read.freshness WITH (security_invoker) AS
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
                   AND p.set_aside_at IS NULL AND p.deleted_at IS NULL AND r.deleted_at IS NULL)
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
