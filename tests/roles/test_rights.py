"""Every action that is not granted is tried, for every role on every table, and refused."""

import pytest

from roles.conftest import Act, Connection
from roles.decisions import FUNCTIONS, READERS, VIEWS_OF_OPERATORS, WORKERS, decided_tables, rights

DENIED = "42501"
ROLES = (*WORKERS, *READERS)

TABLES = """
SELECT c.relname FROM pg_class c
 WHERE c.relnamespace = 'allie_xero'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY 1
"""
COLUMNS = """
SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
 WHERE c.relnamespace = 'allie_xero'::regnamespace AND c.relkind IN ('r', 'p')
   AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, a.attnum
"""
SEQUENCES = "SELECT sequencename FROM pg_sequences WHERE schemaname = 'allie_xero' ORDER BY 1"
VIEWS = "SELECT relname FROM pg_class WHERE relnamespace = 'allie_xero_read'::regnamespace AND relkind = 'v'"


def test_somebody_has_decided_about_every_table(administrator: Connection) -> None:
    assert {name for (name,) in administrator.execute(TABLES)} == decided_tables()


def test_somebody_has_decided_about_every_function(administrator: Connection) -> None:
    query = """SELECT proname FROM pg_proc WHERE pronamespace = 'allie_xero'::regnamespace
                  AND prorettype <> 'trigger'::regtype"""
    assert {name for (name,) in administrator.execute(query)} == {one.split("(")[0] for one in FUNCTIONS}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_with_columns_what_was_decided_and_nothing_else(
    administrator: Connection, acting: Act, role: str
) -> None:
    columns = administrator.execute(COLUMNS).fetchall()
    wrong = []
    with acting(role) as actor:
        for table, column in columns:
            for letter, statement in (
                ("S", f'SELECT "{column}" FROM allie_xero.{table} LIMIT 0'),
                ("U", f'UPDATE allie_xero.{table} SET "{column}" = DEFAULT WHERE false'),
            ):
                is_allowed = actor.try_(statement) != DENIED
                if is_allowed is not rights(role, table).allow(letter, column):
                    wrong.append((statement, is_allowed))
    assert wrong == []


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_with_rows_what_was_decided_and_nothing_else(
    administrator: Connection, acting: Act, role: str
) -> None:
    wrong = []
    with acting(role) as actor:
        for (table,) in administrator.execute(TABLES).fetchall():
            for letter, statement in (
                ("I", f"INSERT INTO allie_xero.{table} SELECT LIMIT 0"),
                ("D", f"DELETE FROM allie_xero.{table} WHERE false"),
            ):
                is_allowed = actor.try_(statement) != DENIED
                if is_allowed is not rights(role, table).allow(letter):
                    wrong.append((statement, is_allowed))
    assert wrong == []


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE allie_xero.{}",
        "ALTER TABLE allie_xero.{} DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE allie_xero.{} NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE allie_xero.{} DISABLE TRIGGER ALL",
        "CREATE POLICY mine ON allie_xero.{} USING (true)",
        "CREATE TRIGGER mine AFTER INSERT ON allie_xero.{} EXECUTE FUNCTION allie_xero.refuse_change()",
        "DROP TABLE allie_xero.{}",
    ],
)
def test_no_role_changes_a_table_itself(
    administrator: Connection, acting: Act, role: str, statement: str
) -> None:
    tables = [table for (table,) in administrator.execute(TABLES)]
    with acting(role) as actor:
        assert {table: actor.try_(statement.format(table)) for table in tables} == dict.fromkeys(
            tables, DENIED
        )


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE allie_xero.mine (id int)",
        "CREATE VIEW allie_xero_read.mine AS SELECT 1",
        "CREATE FUNCTION allie_xero.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "DROP FUNCTION allie_xero.open_credential",
        "ALTER FUNCTION allie_xero.open_credential SECURITY INVOKER",
        "CREATE SCHEMA mine",
        "SET SESSION AUTHORIZATION allie_xero_owner",
        "SET LOCAL session_replication_role = replica",
        "ALTER ROLE allie_xero_reader BYPASSRLS",
        "GRANT allie_xero_owner TO allie_xero_reader",
        "COPY (SELECT 1) TO PROGRAM 'true'",
    ],
)
def test_no_role_makes_itself_more_than_it_is(acting: Act, role: str, statement: str) -> None:
    with acting(role) as actor:
        if statement.startswith("SET SESSION"):
            # The session's own user decides about this one; here that is the administrator.
            assert actor.ask("SELECT pg_has_role(current_user, 'allie_xero_owner', 'MEMBER')") == [(False,)]
        else:
            assert actor.try_(statement) == DENIED


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER ROLE allie_xero_reader BYPASSRLS",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "CREATE ROLE allie_xero_mine",
        "GRANT allie_xero_owner TO allie_xero_reader",
        "SET LOCAL session_replication_role = replica",
    ],
)
def test_who_migrates_is_master_of_the_schema_and_of_nothing_else(acting: Act, statement: str) -> None:
    with acting("migrator") as actor:
        assert actor.try_("CREATE TABLE allie_xero.mine (id int)") is None
        assert actor.try_(statement) == DENIED


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ("SELECT nextval('allie_xero.{}')", ()),
        ("SELECT setval('allie_xero.{}', 1)", ()),
        ("SELECT last_value FROM allie_xero.{}", ("dispatcher",)),
    ],
)
def test_no_role_counts_ids_on_or_back(
    administrator: Connection, acting: Act, role: str, statement: str, allowed: tuple[str, ...]
) -> None:
    sequences = [sequence for (sequence,) in administrator.execute(SEQUENCES)]
    assert sequences
    expected = None if role in allowed else DENIED
    with acting(role) as actor:
        found = {sequence: actor.try_(statement.format(sequence)) for sequence in sequences}
    assert found == dict.fromkeys(sequences, expected)


@pytest.mark.parametrize("role", ROLES)
def test_no_role_ties_rows_down_by_a_foreign_key(administrator: Connection, acting: Act, role: str) -> None:
    """It would tell which rows there are, whoever's, and keep them from being erased."""
    tables = [table for (table,) in administrator.execute(TABLES)]
    with administrator.transaction(force_rollback=True):
        administrator.execute(f"CREATE SCHEMA elsewhere AUTHORIZATION allie_xero_{role}".encode())
        with acting(role) as actor:
            assert actor.try_("CREATE TABLE elsewhere.mine (id bigint)") is None
            reference = "CREATE TABLE elsewhere.mine (id bigint REFERENCES allie_xero.{})"
            found = {table: actor.try_(reference.format(table)) for table in tables}
    assert found == dict.fromkeys(tables, DENIED)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("call", FUNCTIONS)
def test_functions_are_for_the_role_that_needs_them(acting: Act, role: str, call: str) -> None:
    with acting(role) as actor:
        is_denied = actor.try_(f"SELECT * FROM allie_xero.{call}") == DENIED
        assert is_denied is (role != FUNCTIONS[call])


@pytest.mark.parametrize("role", ROLES)
def test_views_are_for_readers_and_for_reading(administrator: Connection, acting: Act, role: str) -> None:
    views = [view for (view,) in administrator.execute(VIEWS)]
    assert views
    with acting(role) as actor:
        for view in views:
            is_denied = actor.try_(f"SELECT * FROM allie_xero_read.{view}") == DENIED
            may = role in READERS or (role == "operator" and view in VIEWS_OF_OPERATORS)
            assert is_denied is not may, view
            assert actor.try_(f"DELETE FROM allie_xero_read.{view}") in (DENIED, "55000"), view
            assert actor.try_(f"UPDATE allie_xero_read.{view} SET clinic_id = 'x'") in (DENIED, "55000"), view


def test_nobody_may_pass_on_what_was_granted(administrator: Connection) -> None:
    query = """SELECT relname FROM pg_class, aclexplode(relacl)
                WHERE relnamespace IN ('allie_xero'::regnamespace, 'allie_xero_read'::regnamespace)
                  AND is_grantable AND grantee <> relowner"""
    assert administrator.execute(query).fetchall() == []


def test_nobody_logs_in_as_a_role_and_none_is_above_the_rules(administrator: Connection) -> None:
    found = administrator.execute(
        """SELECT rolname, rolcanlogin OR rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb
             FROM pg_roles WHERE rolname LIKE 'allie\\_xero\\_%'"""
    ).fetchall()
    names = {f"allie_xero_{one}" for one in (*ROLES, "owner", "migrator")}
    assert dict(found) == dict.fromkeys(names, False)


def test_everything_is_the_owners(administrator: Connection) -> None:
    query = """
    SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class
     WHERE relnamespace IN ('allie_xero'::regnamespace, 'allie_xero_read'::regnamespace)
    UNION SELECT pg_get_userbyid(proowner) FROM pg_proc WHERE pronamespace = 'allie_xero'::regnamespace
    UNION SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname LIKE 'allie\\_xero%'
    """
    assert administrator.execute(query).fetchall() == [("allie_xero_owner",)]


def test_views_act_for_whoever_asks(administrator: Connection) -> None:
    query = """SELECT relname FROM pg_class WHERE relnamespace = 'allie_xero_read'::regnamespace
                  AND relkind = 'v' AND NOT coalesce('security_invoker=true' = ANY(reloptions)
                                                     OR 'security_invoker=on' = ANY(reloptions), false)"""
    assert administrator.execute(query).fetchall() == []
