-- The service's roles. Nobody logs in as one of them: make logins of your own and grant each the role that it
-- works as. Run this once a database, as an administrator, before the first migration; again does no harm.
-- docs/database-roles.md says who may do what.

DO $$
DECLARE
    name text;
    needed text[] := ARRAY['owner', 'migrator', 'worker', 'dispatcher', 'reader', 'fleet_reader', 'operator'];
BEGIN
    FOREACH name IN ARRAY needed LOOP
        BEGIN
            IF to_regrole('allie_xero_' || name) IS NULL THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', 'allie_xero_' || name);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL; -- made at this very moment for another database of the server
        END;
    END LOOP;
    BEGIN
        IF NOT pg_has_role('allie_xero_migrator', 'allie_xero_owner', 'MEMBER') THEN
            GRANT allie_xero_owner TO allie_xero_migrator;
        END IF;
    EXCEPTION WHEN unique_violation OR internal_error THEN
        NULL; -- "tuple concurrently updated": granted at this very moment
    END;
    EXECUTE format('GRANT CREATE ON DATABASE %I TO allie_xero_owner', current_database());
END
$$;
