CREATE TABLE payslip (
    id text PRIMARY KEY, employee_id text, first_name text, last_name text, wages numeric, deductions numeric,
    tax numeric, super numeric, reimbursements numeric, net_pay numeric
);
CREATE TABLE line (
    payslip_id text, kind text, position integer, item_id text, units numeric, rate numeric, percentage numeric,
    amount numeric, PRIMARY KEY (payslip_id, kind, position)
);
