-- Who may do what. Applied after the migrations whenever they or this file have changed, all of it anew: what
-- is not granted here is forbidden, and a table that this file does not name is the owner's alone.

REVOKE ALL ON ALL TABLES IN SCHEMA allie_xero, allie_xero_read
  FROM PUBLIC, allie_xero_worker, allie_xero_dispatcher, allie_xero_reader, allie_xero_fleet_reader,
       allie_xero_operator;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA allie_xero FROM PUBLIC, allie_xero_dispatcher;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA allie_xero FROM PUBLIC, allie_xero_worker;

GRANT USAGE ON SCHEMA allie_xero TO allie_xero_worker, allie_xero_dispatcher, allie_xero_operator;
GRANT SELECT ON allie_xero.alembic_version TO allie_xero_worker, allie_xero_dispatcher, allie_xero_operator;

-- The worker: what the use cases of one clinic need. It writes ciphertext and cannot select it, and of what it
-- adds to the audit, the certificates and the outbox it sees the row's number at most.

GRANT SELECT, INSERT, UPDATE, DELETE ON
      allie_xero.connection, allie_xero.scan, allie_xero.scan_seen, allie_xero.account_user,
      allie_xero.correction, allie_xero.employee, allie_xero.employee_version, allie_xero.leave_application,
      allie_xero.leave_balance, allie_xero.leave_period, allie_xero.organisation, allie_xero.pay_calendar,
      allie_xero.pay_item, allie_xero.pay_line, allie_xero.pay_run, allie_xero.payroll_settings,
      allie_xero.payslip, allie_xero.timesheet, allie_xero.timesheet_entry
   TO allie_xero_worker;
GRANT SELECT, INSERT, UPDATE ON
      allie_xero.app_budget, allie_xero.failure, allie_xero.inbox, allie_xero.outage, allie_xero.sync,
      allie_xero.sync_state, allie_xero.tenant_budget, allie_xero.usage
   TO allie_xero_worker;
GRANT INSERT ON allie_xero.failure_attempt TO allie_xero_worker;
GRANT SELECT ON allie_xero.pause, allie_xero.replay TO allie_xero_worker;
GRANT SELECT, UPDATE ON allie_xero.replay_item TO allie_xero_worker;
GRANT INSERT, UPDATE,
      SELECT (id, connection_id, clinic_id, generation, state, tenant_id, xero_connection_id, consent_event,
              user_id, scopes, version, key_id, kek_id, previous_until, access_expires_at, obtained_at,
              lease_epoch, lease_until, intent_at, cooldown_until, revoke_by, work_claimed_until, shredded_at)
   ON allie_xero.credential TO allie_xero_worker;
GRANT INSERT, SELECT (id) ON allie_xero.certificate, allie_xero.credential_audit, allie_xero.outbox
   TO allie_xero_worker;
GRANT EXECUTE ON FUNCTION allie_xero.open_credential, allie_xero.consents_of, allie_xero.holder_of
   TO allie_xero_worker;

-- The dispatcher: what is due, of whichever clinic, and how the service does. It rewraps data keys, and opens
-- nothing.

GRANT SELECT ON
      allie_xero.app_budget, allie_xero.connection, allie_xero.outage, allie_xero.outbox, allie_xero.scan,
      allie_xero.sync, allie_xero.sync_state, allie_xero.tenant_budget
   TO allie_xero_dispatcher;
GRANT UPDATE (work_claimed_until) ON allie_xero.connection TO allie_xero_dispatcher;
GRANT UPDATE (attempts, next_attempt_at, sent_at), DELETE ON allie_xero.outbox TO allie_xero_dispatcher;
GRANT INSERT, UPDATE, DELETE ON allie_xero.sync TO allie_xero_dispatcher;
GRANT UPDATE (due_at, work_claimed_until, changes_at, reconcile_at) ON allie_xero.sync_state
   TO allie_xero_dispatcher;
GRANT SELECT, INSERT, UPDATE, DELETE ON allie_xero.failure TO allie_xero_dispatcher;
GRANT INSERT ON allie_xero.failure_attempt, allie_xero.replay_audit TO allie_xero_dispatcher;
GRANT SELECT, UPDATE ON allie_xero.replay, allie_xero.replay_item TO allie_xero_dispatcher;
GRANT SELECT ON allie_xero.pause TO allie_xero_dispatcher;
GRANT SELECT (id, connection_id, clinic_id, generation, state, tenant_id, version, data_key, kek_id,
              obtained_at, intent_at, cooldown_until, revoke_by, work_claimed_until),
      UPDATE (work_claimed_until, data_key, kek_id)
   ON allie_xero.credential TO allie_xero_dispatcher;
GRANT INSERT, SELECT (id) ON allie_xero.credential_audit TO allie_xero_dispatcher;
GRANT SELECT ON ALL SEQUENCES IN SCHEMA allie_xero TO allie_xero_dispatcher;

-- The operator: the state of everything; of the payroll how far and how fresh it is, which is ids and dates. No
-- amount, person or token. Writes down what should be done; workers and the dispatcher do it.

GRANT SELECT ON
      allie_xero.app_budget, allie_xero.certificate, allie_xero.connection, allie_xero.credential_audit,
      allie_xero.failure, allie_xero.failure_attempt, allie_xero.inbox, allie_xero.outage,
      allie_xero.outbox, allie_xero.replay, allie_xero.replay_audit, allie_xero.replay_item, allie_xero.scan,
      allie_xero.sync, allie_xero.sync_state, allie_xero.tenant_budget, allie_xero.usage
   TO allie_xero_operator;
GRANT UPDATE (state, until, settled_at, settled_by, settled_why) ON allie_xero.failure TO allie_xero_operator;
GRANT INSERT, UPDATE ON allie_xero.replay, allie_xero.replay_item TO allie_xero_operator;
GRANT SELECT, INSERT, UPDATE (ended_at, ended_by) ON allie_xero.pause TO allie_xero_operator;
GRANT UPDATE (due_at) ON allie_xero.sync_state TO allie_xero_operator;
GRANT INSERT ON allie_xero.replay_audit TO allie_xero_operator;
GRANT SELECT (id, connection_id, clinic_id, generation, state, tenant_id, xero_connection_id, consent_event,
              user_id, scopes, version, key_id, kek_id, previous_until, access_expires_at, obtained_at,
              lease_epoch, lease_until, intent_at, cooldown_until, revoke_by, work_claimed_until, shredded_at)
   ON allie_xero.credential TO allie_xero_operator;
GRANT SELECT (connection_id, clinic_id, status, deleted_at, stale, set_aside_at)
   ON allie_xero.employee TO allie_xero_operator;
GRANT SELECT (connection_id, clinic_id, deleted_at, stale, set_aside_at)
   ON allie_xero.leave_application TO allie_xero_operator;
GRANT SELECT (connection_id, id, clinic_id, status, payment_date, ties_out, deleted_at, stale, set_aside_at)
   ON allie_xero.pay_run TO allie_xero_operator;
GRANT SELECT (connection_id, clinic_id, pay_run_id, payment_date, deleted_at, stale, set_aside_at)
   ON allie_xero.payslip TO allie_xero_operator;
GRANT SELECT (connection_id, clinic_id, period_end, deleted_at, stale, set_aside_at)
   ON allie_xero.timesheet TO allie_xero_operator;
GRANT USAGE ON SCHEMA allie_xero_read TO allie_xero_operator;
GRANT SELECT ON allie_xero_read.freshness TO allie_xero_operator;

-- The readers: the views, and of the tables behind them exactly the columns that the views show. Without the
-- right to use the schema `allie_xero` they cannot name those tables themselves.

GRANT USAGE ON SCHEMA allie_xero_read TO allie_xero_reader, allie_xero_fleet_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA allie_xero_read TO allie_xero_reader, allie_xero_fleet_reader;
DO $$
DECLARE
    behind record;
BEGIN
    FOR behind IN
        SELECT d.refobjid::regclass AS source, string_agg(DISTINCT quote_ident(a.attname), ', ') AS columns
          FROM pg_rewrite r
          JOIN pg_class v ON v.oid = r.ev_class AND v.relnamespace = 'allie_xero_read'::regnamespace
          JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                          AND d.refclassid = 'pg_class'::regclass
          JOIN pg_class t ON t.oid = d.refobjid AND t.relnamespace = 'allie_xero'::regnamespace
          JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
         GROUP BY d.refobjid
    LOOP
        EXECUTE format('GRANT SELECT (%s) ON %s TO allie_xero_reader, allie_xero_fleet_reader',
                       behind.columns, behind.source);
    END LOOP;
END
$$;

-- Row-level security, forced, on every table that names a clinic. `allie_xero.clinic_id` is set for one
-- transaction at a time. The owner sees what its three functions answer from, and no other row.
-- Who sees every clinic is told so by `true`, which costs nothing: of any other condition PostgreSQL thinks that
-- few rows pass, and plans accordingly. That a connection is of one clinic, statistics tell it.

DO $$
DECLARE
    guarded record;
    named text := 'nullif(current_setting(''allie_xero.clinic_id'', true), '''')';
BEGIN
    FOR guarded IN
        SELECT c.oid::regclass AS name, c.relname || '_clinic' AS statistics,
               bool_or(a.attname = 'connection_id') AS is_of_connection
          FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
         WHERE c.relnamespace = 'allie_xero'::regnamespace AND c.relkind = 'r' AND NOT a.attisdropped
         GROUP BY c.oid HAVING bool_or(a.attname = 'clinic_id')
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', guarded.name);
        EXECUTE format('DROP POLICY IF EXISTS one_clinic ON %s', guarded.name);
        EXECUTE format('DROP POLICY IF EXISTS every_clinic ON %s', guarded.name);
        EXECUTE format('DROP POLICY IF EXISTS every_clinic_to_read ON %s', guarded.name);
        EXECUTE format('CREATE POLICY one_clinic ON %s TO allie_xero_worker, allie_xero_reader'
                       ' USING (clinic_id = %s)', guarded.name, named);
        EXECUTE format('CREATE POLICY every_clinic ON %s TO allie_xero_dispatcher, allie_xero_operator'
                       ' USING (true)', guarded.name);
        EXECUTE format('CREATE POLICY every_clinic_to_read ON %s FOR SELECT TO allie_xero_fleet_reader'
                       ' USING (true)', guarded.name);
        IF guarded.is_of_connection THEN
            EXECUTE format('CREATE STATISTICS IF NOT EXISTS allie_xero.%I (dependencies)'
                           ' ON connection_id, clinic_id FROM %s', guarded.statistics, guarded.name);
        END IF;
    END LOOP;
END
$$;

DROP POLICY IF EXISTS for_its_functions ON allie_xero.connection;
CREATE POLICY for_its_functions ON allie_xero.connection FOR SELECT TO allie_xero_owner USING (true);
DROP POLICY IF EXISTS for_its_functions ON allie_xero.credential;
CREATE POLICY for_its_functions ON allie_xero.credential FOR SELECT TO allie_xero_owner USING (true);
DROP POLICY IF EXISTS for_its_functions ON allie_xero.credential_audit;
CREATE POLICY for_its_functions ON allie_xero.credential_audit FOR INSERT TO allie_xero_owner WITH CHECK (true);
