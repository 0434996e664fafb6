-- Once a payslip's lines are here they say all: where none is the employer's, it pays no pension, and the payslip's
-- total, which may be salary sacrifice, is no cost; where none is of hours, none were paid.
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
             coalesce(sum(p.units) FILTER (WHERE p.class IN ('ordinary', 'overtime')), 0) AS hours_paid,
             coalesce(sum(p.units) FILTER (WHERE p.class = 'leave'), 0) AS leave_hours_paid
        FROM allie_xero_read.pay_line p
       WHERE p.connection_id = s.connection_id AND p.payslip_id = s.payslip_id
  ) l ON s.has_lines;
