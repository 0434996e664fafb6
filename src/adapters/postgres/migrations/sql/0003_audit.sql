-- Who opened a token set, why, and for which message; and what else was done to it. Rows are only ever added.

CREATE TABLE allie_xero.credential_audit (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    clinic_id TEXT NOT NULL,
    credential_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    action TEXT NOT NULL,
    kek_id TEXT,
    process TEXT DEFAULT current_setting('allie_xero.process', true),
    purpose TEXT DEFAULT current_setting('allie_xero.purpose', true),
    message_id TEXT DEFAULT current_setting('allie_xero.message_id', true),
    database_user TEXT DEFAULT session_user NOT NULL,
    CONSTRAINT credential_audit_pkey PRIMARY KEY (id)
);

CREATE INDEX credential_audit_credential_idx ON allie_xero.credential_audit (credential_id, id);

CREATE FUNCTION allie_xero.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed', tg_table_name USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER credential_audit_is_append_only
BEFORE UPDATE OR DELETE OR TRUNCATE ON allie_xero.credential_audit
FOR EACH STATEMENT EXECUTE FUNCTION allie_xero.refuse_change();

CREATE TRIGGER certificate_is_append_only
BEFORE UPDATE OR DELETE OR TRUNCATE ON allie_xero.certificate
FOR EACH STATEMENT EXECUTE FUNCTION allie_xero.refuse_change();

-- Who had which failures worked again, and why; how it ended.

CREATE TABLE allie_xero.replay_audit (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    replay_id BIGINT NOT NULL,
    action TEXT NOT NULL,
    operator TEXT NOT NULL,
    reason TEXT NOT NULL,
    detail JSONB NOT NULL,
    database_user TEXT DEFAULT session_user NOT NULL,
    CONSTRAINT replay_audit_pkey PRIMARY KEY (id)
);

CREATE INDEX replay_audit_replay_idx ON allie_xero.replay_audit (replay_id, id);

CREATE TRIGGER replay_audit_is_append_only
BEFORE UPDATE OR DELETE OR TRUNCATE ON allie_xero.replay_audit
FOR EACH STATEMENT EXECUTE FUNCTION allie_xero.refuse_change();

-- The only way to a token set's ciphertext, for the clinic that the transaction names: it leaves a row behind.

CREATE FUNCTION allie_xero.open_credential(wanted bigint)
RETURNS TABLE (tenant_id text, connection_id bigint, generation bigint, version bigint,
               data_key bytea, sealed_tokens bytea, sealed_previous bytea)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH found AS (
        SELECT c.* FROM allie_xero.credential c
         WHERE c.id = wanted AND c.clinic_id = current_setting('allie_xero.clinic_id', true)
    ), noted AS (
        INSERT INTO allie_xero.credential_audit (clinic_id, credential_id, version, action, kek_id)
        SELECT clinic_id, id, version, 'opened', kek_id FROM found
    )
    SELECT tenant_id, connection_id, generation, version, data_key, sealed_tokens, sealed_previous
      FROM found WHERE data_key IS NOT NULL
$$;

-- What a Xero user's consents are used for, whichever clinic's they are: deleting a link or revoking a token
-- must not end another clinic's connection.

DROP FUNCTION allie_xero.has_other_live(text, bigint);

CREATE FUNCTION allie_xero.consents_of(xero_user text)
RETURNS TABLE (credential_id bigint, state text, xero_connection_id text, consent_event text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT id, state, xero_connection_id, consent_event FROM allie_xero.credential WHERE user_id = xero_user
$$;

DROP INDEX allie_xero.credential_user_idx;

CREATE INDEX credential_user_idx ON allie_xero.credential (user_id);

-- When the main platform says that it happened: a connect that is older than a disconnect is overtaken by it.

ALTER TABLE allie_xero.inbox ADD COLUMN event_time TIMESTAMP WITH TIME ZONE;

CREATE INDEX inbox_clinic_idx ON allie_xero.inbox (clinic_id, type);
