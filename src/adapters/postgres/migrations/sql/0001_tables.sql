-- The tables of the service and of the payroll. See docs/data-model.md for what they mean.

CREATE TABLE allie_xero.app_budget (
    "only" BOOLEAN DEFAULT true NOT NULL,
    minute_limit INTEGER NOT NULL,
    minute_remaining INTEGER NOT NULL,
    minute_resets_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT app_budget_pkey PRIMARY KEY ("only")
);

CREATE TABLE allie_xero.certificate (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    clinic_id TEXT NOT NULL,
    connection_id BIGINT NOT NULL,
    erased TEXT NOT NULL,
    issued_at TIMESTAMP WITH TIME ZONE NOT NULL,
    document JSONB NOT NULL,
    signature BYTEA NOT NULL,
    signing_key_id TEXT NOT NULL,
    CONSTRAINT certificate_pkey PRIMARY KEY (id)
);

CREATE INDEX certificate_clinic_idx ON allie_xero.certificate (clinic_id, id);

CREATE TABLE allie_xero.connection (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    clinic_id TEXT NOT NULL,
    status TEXT NOT NULL,
    generation BIGINT DEFAULT 0 NOT NULL,
    tenant_id TEXT,
    tenant_name TEXT,
    xero_connection_id TEXT,
    region TEXT,
    reason TEXT,
    choices JSONB DEFAULT '[]' NOT NULL,
    consent_event TEXT,
    connected_at TIMESTAMP WITH TIME ZONE,
    disconnected_at TIMESTAMP WITH TIME ZONE,
    erase_at TIMESTAMP WITH TIME ZONE,
    erased_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT connection_pkey PRIMARY KEY (id)
);

CREATE INDEX connection_clinic_idx ON allie_xero.connection (clinic_id, id);

CREATE INDEX connection_erase_idx ON allie_xero.connection (erase_at) WHERE erase_at IS NOT NULL;

CREATE UNIQUE INDEX connection_open_clinic_key ON allie_xero.connection (clinic_id) WHERE status <> 'disconnected';

CREATE UNIQUE INDEX connection_open_tenant_key ON allie_xero.connection (tenant_id) WHERE status <> 'disconnected';

CREATE TABLE allie_xero.failure (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    fingerprint TEXT NOT NULL,
    state TEXT NOT NULL,
    error TEXT NOT NULL,
    place TEXT NOT NULL,
    subject TEXT NOT NULL,
    stream TEXT,
    clinic_id TEXT,
    connection_id BIGINT,
    context JSONB DEFAULT '{}' NOT NULL,
    attempts INTEGER DEFAULT 1 NOT NULL,
    first_seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    last_seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    until TIMESTAMP WITH TIME ZONE,
    event JSONB,
    settled_at TIMESTAMP WITH TIME ZONE,
    settled_by TEXT,
    settled_why TEXT,
    CONSTRAINT failure_pkey PRIMARY KEY (id)
);

CREATE INDEX failure_fingerprint_idx ON allie_xero.failure (fingerprint, state);

CREATE INDEX failure_connection_idx ON allie_xero.failure (connection_id, subject) WHERE state NOT IN ('resolved', 'discarded');

CREATE INDEX failure_last_seen_idx ON allie_xero.failure (last_seen_at);

CREATE UNIQUE INDEX failure_open_key ON allie_xero.failure (coalesce(connection_id, 0), place, subject) WHERE state NOT IN ('resolved', 'discarded');

CREATE TABLE allie_xero.failure_attempt (
    failure_id BIGINT NOT NULL,
    number INTEGER NOT NULL,
    clinic_id TEXT,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    state TEXT NOT NULL,
    error TEXT NOT NULL,
    context JSONB DEFAULT '{}' NOT NULL,
    process TEXT DEFAULT current_setting('allie_xero.process', true),
    version TEXT DEFAULT current_setting('allie_xero.version', true),
    CONSTRAINT failure_attempt_pkey PRIMARY KEY (failure_id, number),
    CONSTRAINT failure_attempt_failure_id_fkey FOREIGN KEY(failure_id) REFERENCES allie_xero.failure (id) ON DELETE CASCADE
);

CREATE TABLE allie_xero.inbox (
    source TEXT NOT NULL,
    event_id TEXT NOT NULL,
    type TEXT NOT NULL,
    clinic_id TEXT NOT NULL,
    begun_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    claimed_until TIMESTAMP WITH TIME ZONE,
    completed_at TIMESTAMP WITH TIME ZONE,
    outcome TEXT,
    attempts INTEGER DEFAULT 0 NOT NULL,
    CONSTRAINT inbox_pkey PRIMARY KEY (source, event_id)
);

CREATE TABLE allie_xero.outage (
    "only" BOOLEAN DEFAULT true NOT NULL,
    failures INTEGER NOT NULL,
    last BIGINT,
    began_at TIMESTAMP WITH TIME ZONE,
    ask_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT outage_pkey PRIMARY KEY ("only")
);

CREATE TABLE allie_xero.outbox (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_id TEXT NOT NULL,
    clinic_id TEXT NOT NULL,
    type TEXT NOT NULL,
    data JSONB NOT NULL,
    traceparent TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE,
    attempts INTEGER DEFAULT 0 NOT NULL,
    next_attempt_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT outbox_pkey PRIMARY KEY (id)
);

CREATE UNIQUE INDEX outbox_event_key ON allie_xero.outbox (event_id);

CREATE INDEX outbox_unsent_idx ON allie_xero.outbox (id) WHERE sent_at IS NULL;

CREATE TABLE allie_xero.pause (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    only_clinic TEXT,
    stream TEXT,
    lane TEXT,
    until TIMESTAMP WITH TIME ZONE NOT NULL,
    operator TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    ended_by TEXT,
    CONSTRAINT pause_pkey PRIMARY KEY (id)
);

CREATE INDEX pause_open_idx ON allie_xero.pause (until) WHERE ended_at IS NULL;

CREATE TABLE allie_xero.replay (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    state TEXT NOT NULL,
    wanted JSONB NOT NULL,
    operator TEXT NOT NULL,
    reason TEXT NOT NULL,
    is_canary BOOLEAN NOT NULL,
    rate INTEGER,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    released_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT replay_pkey PRIMARY KEY (id)
);

CREATE INDEX replay_open_idx ON allie_xero.replay (id) WHERE state IN ('awaiting_approval', 'running', 'paused');

CREATE TABLE allie_xero.replay_item (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    replay_id BIGINT NOT NULL,
    failure_id BIGINT NOT NULL,
    clinic_id TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE,
    started_at TIMESTAMP WITH TIME ZONE,
    settled_at TIMESTAMP WITH TIME ZONE,
    note TEXT,
    CONSTRAINT replay_item_pkey PRIMARY KEY (id),
    CONSTRAINT replay_item_replay_id_fkey FOREIGN KEY(replay_id) REFERENCES allie_xero.replay (id)
);

CREATE INDEX replay_item_due_idx ON allie_xero.replay_item (due_at) WHERE due_at IS NOT NULL;

CREATE UNIQUE INDEX replay_item_open_key ON allie_xero.replay_item (failure_id) WHERE state IN ('queued', 'released', 'started');

CREATE INDEX replay_item_replay_idx ON allie_xero.replay_item (replay_id, state);

CREATE TABLE allie_xero.tenant_budget (
    tenant_id TEXT NOT NULL,
    minute_limit INTEGER NOT NULL,
    minute_remaining INTEGER NOT NULL,
    minute_resets_at TIMESTAMP WITH TIME ZONE,
    day_limit INTEGER NOT NULL,
    day_remaining INTEGER NOT NULL,
    day_resets_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT tenant_budget_pkey PRIMARY KEY (tenant_id)
);

CREATE TABLE allie_xero.account_user (
    connection_id BIGINT NOT NULL,
    id TEXT NOT NULL,
    clinic_id TEXT NOT NULL,
    email TEXT,
    first_name TEXT,
    last_name TEXT,
    role TEXT,
    is_subscriber BOOLEAN,
    source_updated_at TIMESTAMP WITH TIME ZONE,
    first_seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT account_user_pkey PRIMARY KEY (connection_id, id),
    CONSTRAINT account_user_connection_id_fkey FOREIGN KEY(connection_id) REFERENCES allie_xero.connection (id)
);

CREATE TABLE allie_xero.correction (
    connection_id BIGINT NOT NULL,
    payslip_id TEXT NOT NULL,
    noticed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    field TEXT NOT NULL,
    clinic_id TEXT NOT NULL,
    pay_run_id TEXT,
    employee_id TEXT,
    old_amount NUMERIC,
    new_amount NUMERIC,
    first_seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT correction_pkey PRIMARY KEY (connection_id, payslip_id, noticed_at, field),
    CONSTRAINT correction_connection_id_fkey FOREIGN KEY(connection_id) REFERENCES allie_xero.connection (id)
);

CREATE INDEX correction_noticed_idx ON allie_xero.correction (connection_id, noticed_at);

CREATE TABLE allie_xero.credential (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    connection_id BIGINT NOT NULL,
    clinic_id TEXT NOT NULL,
    generation BIGINT NOT NULL,
    state TEXT NOT NULL,
    tenant_id TEXT,
    xero_connection_id TEXT,
    consent_event TEXT,
    user_id TEXT,
    user_name TEXT,
    user_email TEXT,
    scopes TEXT[] NOT NULL,
    version BIGINT DEFAULT 0 NOT NULL,
    data_key BYTEA,
    key_id TEXT,
    kek_id TEXT,
    sealed_tokens BYTEA,
    sealed_previous BYTEA,
    previous_until TIMESTAMP WITH TIME ZONE,
    access_expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    obtained_at TIMESTAMP WITH TIME ZONE NOT NULL,
    lease_epoch BIGINT DEFAULT 0 NOT NULL,
    lease_until TIMESTAMP WITH TIME ZONE,
    intent_at TIMESTAMP WITH TIME ZONE,
    cooldown_until TIMESTAMP WITH TIME ZONE,
    revoke_by TIMESTAMP WITH TIME ZONE,
    work_claimed_until TIMESTAMP WITH TIME ZONE,
    shredded_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT credential_pkey PRIMARY KEY (id),
    CONSTRAINT credential_connection_id_fkey FOREIGN KEY(connection_id) REFERENCES allie_xero.connection (id)
);

CREATE INDEX credential_connection_id_idx ON allie_xero.credential (connection_id);

CREATE INDEX credential_idle_idx ON allie_xero.credential (obtained_at) WHERE state = 'live';

CREATE INDEX credential_intent_idx ON allie_xero.credential (intent_at) WHERE intent_at IS NOT NULL;

CREATE UNIQUE INDEX credential_live_key ON allie_xero.credential (connection_id) WHERE state = 'live';

CREATE UNIQUE INDEX credential_pending_key ON allie_xero.credential (connection_id) WHERE state = 'pending';

CREATE INDEX credential_revocation_idx ON allie_xero.credential (revoke_by) WHERE state = 'revocation_pending';

CREATE INDEX credential_user_idx ON allie_xero.credential (user_id) WHERE state = 'live';

CREATE TABLE allie_xero.employee (
    connection_id BIGINT NOT NULL,
    id TEXT NOT NULL,
    clinic_id TEXT NOT NULL,
    first_name TEXT,
    last_name TEXT,
    email TEXT,
    status TEXT,
    start_date DATE,
    end_date DATE,
    end_reason TEXT,
    job_title TEXT,
    employment_basis TEXT,
    calendar_id TEXT,
    ordinary_rate_id TEXT,
    source_updated_at TIMESTAMP WITH TIME ZONE,
    classification TEXT,
    employee_group TEXT,
    pay_basis TEXT,
    annual_salary NUMERIC,
    hours_per_week NUMERIC,
    rate_per_unit NUMERIC,
    first_seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    stale BOOLEAN DEFAULT false NOT NULL,
    set_aside_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT employee_pkey PRIMARY KEY (connection_id, id),
    CONSTRAINT employee_connection_id_fkey FOREIGN KEY(connection_id) REFERENCES allie_xero.connection (id)
);

CREATE INDEX employee_set_aside_idx ON allie_xero.employee (connection_id) WHERE set_aside_at IS NOT NULL;

CREATE INDEX employee_stale_idx ON allie_xero.employee (connection_id) WHERE stale;

CREATE TABLE allie_xero.employee_version (
    connection_id BIGINT NOT NULL,
    employee_id TEXT NOT NULL,
    valid_from TIMESTAMP WITH TIME ZONE NOT NULL,
    clinic_id TEXT NOT NULL,
    valid_to TIMESTAMP WITH TIME ZONE,
    status TEXT,
    job_title TEXT,
    employment_basis TEXT,
    employee_group TEXT,
    calendar_id TEXT,
    pay_basis TEXT,
    annual_salary NUMERIC,
    hours_per_week NUMERIC,
    rate_per_unit NUMERIC,
    first_seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT employee_version_pkey PRIMARY KEY (connection_id, employee_id, valid_from),
    CONSTRAINT employee_version_connection_id_fkey FOREIGN KEY(connection_id) REFERENCES allie_xero.connection (id)
);

CREATE TABLE allie_xero.leave_application (
    connection_id BIGINT NOT NULL,
    id TEXT NOT NULL,
    clinic_id TEXT NOT NULL,
    employee_id TEXT,
    leave_type_id TEXT,
    start_date DATE,
    end_date DATE,
    source_updated_at TIMESTAMP WITH TIME ZONE,
    first_seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    stale BOOLEAN DEFAULT false NOT NULL,
    set_aside_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT leave_application_pkey PRIMARY KEY (connection_id, id),
    CONSTRAINT leave_application_connection_id_fkey FOREIGN KEY(connection_id) REFERENCES allie_xero.connection (id)
);

CREATE INDEX leave_application_set_aside_idx ON allie_xero.leave_application (connection_id) WHERE set_aside_at IS NOT NULL;

CREATE INDEX leave_application_stale_idx ON allie_xero.leave_application (connection_id, start_date) WHERE stale;

CREATE TABLE allie_xero.leave_balance (
    connection_id BIGINT NOT NULL,
    employee_id TEXT NOT NULL,
    leave_type_id TEXT NOT NULL,
    clinic_id TEXT NOT NULL,
    name TEXT,
    units NUMERIC,
    type_of_units TEXT,
    first_seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT leave_balance_pkey PRIMARY KEY (connection_id, employee_id, leave_type_id),
    CONSTRAINT leave_balance_connection_id_fkey FOREIGN KEY(connection_id) REFERENCES allie_xero.connection (id)
);

CREATE TABLE allie_xero.leave_period (
    connection_id BIGINT NOT NULL,
    application_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    clinic_id TEXT NOT NULL,
    period_start DATE,
    period_end DATE,
    units NUMERIC,
    status TEXT,
    first_seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT leave_period_pkey PRIMARY KEY (connection_id, application_id, position),
    CONSTRAINT leave_period_connection_id_fkey FOREIGN KEY(connection_id) REFERENCES allie_xero.connection (id)
);

CREATE TABLE allie_xero.organisation (
    connection_id BIGINT NOT NULL,
    clinic_id TEXT NOT NULL,
    id TEXT,
    name TEXT,
    legal_name TEXT,
    region TEXT,
    version TEXT,
    country_code TEXT,
    currency TEXT,
    timezone TEXT,
    status TEXT,
    organisation_type TEXT,
    plan TEXT,
    is_demo BOOLEAN,
    financial_year_end_day INTEGER,
    financial_year_end_month INTEGER,
    created_at TIMESTAMP WITH TIME ZONE,
    first_seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT organisation_pkey PRIMARY KEY (connection_id),
    CONSTRAINT organisation_connection_id_fkey FOREIGN KEY(connection_id) REFERENCES allie_xero.connection (id)
);

CREATE TABLE allie_xero.pay_calendar (
    connection_id BIGINT NOT NULL,
    id TEXT NOT NULL,
    clinic_id TEXT NOT NULL,
    name TEXT,
    calendar_type TEXT,
    period_start DATE,
    period_end DATE,
    payment_date DATE,
    source_updated_at TIMESTAMP WITH TIME ZONE,
    first_seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pay_calendar_pkey PRIMARY KEY (connection_id, id),
    CONSTRAINT pay_calendar_connection_id_fkey FOREIGN KEY(connection_id) REFERENCES allie_xero.connection (id)
);

CREATE TABLE allie_xero.pay_item (
    connection_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    clinic_id TEXT NOT NULL,
    name TEXT,
    category TEXT,
    rate_type TEXT,
    type_of_units TEXT,
    rate_per_unit NUMERIC,
    multiplier NUMERIC,
    account_code TEXT,
    is_current BOOLEAN,
    source_updated_at TIMESTAMP WITH TIME ZONE,
    first_seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pay_item_pkey PRIMARY KEY (connection_id, kind, id),
    CONSTRAINT pay_item_connection_id_fkey FOREIGN KEY(connection_id) REFERENCES allie_xero.connection (id)
);

CREATE TABLE allie_xero.pay_line (
    connection_id BIGINT NOT NULL,
    payslip_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    position INTEGER NOT NULL,
    clinic_id TEXT NOT NULL,
    item_id TEXT,
    name TEXT,
    line_type TEXT,
    units NUMERIC,
    rate NUMERIC,
    percentage NUMERIC,
    amount NUMERIC,
    first_seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pay_line_pkey PRIMARY KEY (connection_id, payslip_id, kind, position),
    CONSTRAINT pay_line_connection_id_fkey FOREIGN KEY(connection_id) REFERENCES allie_xero.connection (id)
);

CREATE TABLE allie_xero.pay_run (
    connection_id BIGINT NOT NULL,
    id TEXT NOT NULL,
    clinic_id TEXT NOT NULL,
    calendar_id TEXT,
    run_type TEXT,
    status TEXT,
    period_start DATE,
    period_end DATE,
    payment_date DATE,
    earnings NUMERIC,
    deductions NUMERIC,
    tax NUMERIC,
    statutory_deductions NUMERIC,
    employer_pension NUMERIC,
    employer_tax NUMERIC,
    reimbursements NUMERIC,
    net_pay NUMERIC,
    total_cost NUMERIC,
    source_updated_at TIMESTAMP WITH TIME ZONE,
    first_seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    ties_out BOOLEAN,
    stale BOOLEAN DEFAULT false NOT NULL,
    set_aside_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pay_run_pkey PRIMARY KEY (connection_id, id),
    CONSTRAINT pay_run_connection_id_fkey FOREIGN KEY(connection_id) REFERENCES allie_xero.connection (id)
);

CREATE INDEX pay_run_payment_idx ON allie_xero.pay_run (connection_id, calendar_id, payment_date);

CREATE INDEX pay_run_set_aside_idx ON allie_xero.pay_run (connection_id) WHERE set_aside_at IS NOT NULL;

CREATE INDEX pay_run_stale_idx ON allie_xero.pay_run (connection_id, payment_date) WHERE stale;

CREATE TABLE allie_xero.payroll_settings (
    connection_id BIGINT NOT NULL,
    clinic_id TEXT NOT NULL,
    days_in_payroll_year INTEGER,
    accounts JSONB,
    tracking_categories JSONB,
    first_seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT payroll_settings_pkey PRIMARY KEY (connection_id),
    CONSTRAINT payroll_settings_connection_id_fkey FOREIGN KEY(connection_id) REFERENCES allie_xero.connection (id)
);

CREATE TABLE allie_xero.payslip (
    connection_id BIGINT NOT NULL,
    id TEXT NOT NULL,
    clinic_id TEXT NOT NULL,
    pay_run_id TEXT,
    payment_date DATE,
    employee_id TEXT,
    first_name TEXT,
    last_name TEXT,
    employee_group TEXT,
    earnings NUMERIC,
    deductions NUMERIC,
    tax NUMERIC,
    statutory_deductions NUMERIC,
    employer_pension NUMERIC,
    employer_tax NUMERIC,
    reimbursements NUMERIC,
    net_pay NUMERIC,
    source_updated_at TIMESTAMP WITH TIME ZONE,
    first_seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    posted JSONB,
    stale BOOLEAN DEFAULT false NOT NULL,
    set_aside_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT payslip_pkey PRIMARY KEY (connection_id, id),
    CONSTRAINT payslip_connection_id_fkey FOREIGN KEY(connection_id) REFERENCES allie_xero.connection (id)
);

CREATE INDEX payslip_employee_idx ON allie_xero.payslip (connection_id, employee_id);

CREATE INDEX payslip_pay_run_idx ON allie_xero.payslip (connection_id, pay_run_id);

CREATE INDEX payslip_set_aside_idx ON allie_xero.payslip (connection_id) WHERE set_aside_at IS NOT NULL;

CREATE INDEX payslip_stale_idx ON allie_xero.payslip (connection_id, payment_date) WHERE stale;

CREATE TABLE allie_xero.scan (
    connection_id BIGINT NOT NULL,
    resource TEXT NOT NULL,
    clinic_id TEXT NOT NULL,
    watermark TIMESTAMP WITH TIME ZONE,
    finished_at TIMESTAMP WITH TIME ZONE,
    fault TEXT,
    attempted_at TIMESTAMP WITH TIME ZONE,
    sync_id BIGINT,
    page INTEGER NOT NULL,
    head TEXT,
    since TIMESTAMP WITH TIME ZONE,
    mark TIMESTAMP WITH TIME ZONE,
    CONSTRAINT scan_pkey PRIMARY KEY (connection_id, resource),
    CONSTRAINT scan_connection_id_fkey FOREIGN KEY(connection_id) REFERENCES allie_xero.connection (id)
);

CREATE TABLE allie_xero.scan_seen (
    connection_id BIGINT NOT NULL,
    resource TEXT NOT NULL,
    source_id TEXT NOT NULL,
    clinic_id TEXT NOT NULL,
    CONSTRAINT scan_seen_pkey PRIMARY KEY (connection_id, resource, source_id),
    CONSTRAINT scan_seen_connection_id_fkey FOREIGN KEY(connection_id) REFERENCES allie_xero.connection (id)
);

CREATE TABLE allie_xero.sync (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    connection_id BIGINT NOT NULL,
    clinic_id TEXT NOT NULL,
    mode TEXT NOT NULL,
    streams TEXT[] NOT NULL,
    state TEXT NOT NULL,
    requested_by TEXT,
    traceparent TEXT,
    requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    finished_at TIMESTAMP WITH TIME ZONE,
    tallies JSONB DEFAULT '{}' NOT NULL,
    CONSTRAINT sync_pkey PRIMARY KEY (id),
    CONSTRAINT sync_connection_id_fkey FOREIGN KEY(connection_id) REFERENCES allie_xero.connection (id)
);

CREATE INDEX sync_connection_id_idx ON allie_xero.sync (connection_id);

CREATE INDEX sync_finished_idx ON allie_xero.sync (finished_at);

CREATE UNIQUE INDEX sync_queued_key ON allie_xero.sync (connection_id) WHERE state = 'queued';

CREATE UNIQUE INDEX sync_running_key ON allie_xero.sync (connection_id) WHERE state = 'running';

CREATE TABLE allie_xero.sync_state (
    connection_id BIGINT NOT NULL,
    clinic_id TEXT NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE,
    work_claimed_until TIMESTAMP WITH TIME ZONE,
    lease_epoch BIGINT DEFAULT 0 NOT NULL,
    lease_until TIMESTAMP WITH TIME ZONE,
    attempts INTEGER DEFAULT 0 NOT NULL,
    backfilled_at TIMESTAMP WITH TIME ZONE,
    changes_at TIMESTAMP WITH TIME ZONE,
    reconcile_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT sync_state_pkey PRIMARY KEY (connection_id),
    CONSTRAINT sync_state_connection_id_fkey FOREIGN KEY(connection_id) REFERENCES allie_xero.connection (id)
);

CREATE INDEX sync_state_due_idx ON allie_xero.sync_state (due_at) WHERE due_at IS NOT NULL;

CREATE INDEX sync_state_periodic_idx ON allie_xero.sync_state (least(changes_at, reconcile_at));

CREATE TABLE allie_xero.timesheet (
    connection_id BIGINT NOT NULL,
    id TEXT NOT NULL,
    clinic_id TEXT NOT NULL,
    employee_id TEXT,
    calendar_id TEXT,
    status TEXT,
    period_start DATE,
    period_end DATE,
    total_units NUMERIC,
    source_updated_at TIMESTAMP WITH TIME ZONE,
    first_seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    stale BOOLEAN DEFAULT false NOT NULL,
    set_aside_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT timesheet_pkey PRIMARY KEY (connection_id, id),
    CONSTRAINT timesheet_connection_id_fkey FOREIGN KEY(connection_id) REFERENCES allie_xero.connection (id)
);

CREATE INDEX timesheet_set_aside_idx ON allie_xero.timesheet (connection_id) WHERE set_aside_at IS NOT NULL;

CREATE INDEX timesheet_stale_idx ON allie_xero.timesheet (connection_id, period_start) WHERE stale;

CREATE TABLE allie_xero.timesheet_entry (
    connection_id BIGINT NOT NULL,
    timesheet_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    clinic_id TEXT NOT NULL,
    day DATE,
    earnings_rate_id TEXT,
    tracking_item_id TEXT,
    units NUMERIC,
    first_seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT timesheet_entry_pkey PRIMARY KEY (connection_id, timesheet_id, position),
    CONSTRAINT timesheet_entry_connection_id_fkey FOREIGN KEY(connection_id) REFERENCES allie_xero.connection (id)
);

CREATE TABLE allie_xero.usage (
    connection_id BIGINT NOT NULL,
    month DATE NOT NULL,
    clinic_id TEXT NOT NULL,
    calls BIGINT DEFAULT 0 NOT NULL,
    wire_bytes BIGINT DEFAULT 0 NOT NULL,
    CONSTRAINT usage_pkey PRIMARY KEY (connection_id, month),
    CONSTRAINT usage_connection_id_fkey FOREIGN KEY(connection_id) REFERENCES allie_xero.connection (id)
);

-- Two questions about other clinics' connections that are asked on a clinic's behalf. They answer with no more
-- than the caller has to know, whatever rows the caller may see.

CREATE FUNCTION allie_xero.holder_of(tenant text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT clinic_id FROM allie_xero.connection WHERE tenant_id = tenant AND status <> 'disconnected'
$$;

CREATE FUNCTION allie_xero.has_other_live(xero_user text, but bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (SELECT FROM allie_xero.credential
                    WHERE user_id = xero_user AND id <> but AND state = 'live')
$$;
