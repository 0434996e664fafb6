"""
Break the code on purpose, a little at a time: do the tests notice?

Every mutant of the modules in `TARGETS` is run against those modules' own fast tests. Those that
survive are listed with a reason in `docs/mutants.md`; one that is not fails this run, as does a share of
killed mutants below 90 %. `./run mutants tokens rotation` takes some modules only, `--list` shows them all.
"""

import ast
import os
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
REASONS: Final = ROOT / "docs" / "mutants.md"
FORKS: Final = get_context("forkserver")
FORKS.set_forkserver_preload(
    ["pytest", "hypothesis.stateful", "sqlalchemy.dialects.postgresql", "psycopg", "alembic.command"]
)
"""Only libraries: the sources themselves are another mutant's each time."""

UNRUN: Final = ("annotation", "returns", "decorator_list", "bases", "ctx", "op", "ops", "func", "keywords_")
ENDINGS: Final = (0, 1, 2, -9)
"""pytest's exit codes when all is well, when tests fail, and when they cannot be collected; killed."""

PARALLEL: Final = int(os.environ.get("MUTANTS_AT_ONCE", "2"))
PATIENCE_S: Final = 120.0
ENOUGH: Final = 0.9

TOKENS = [
    "tests/unit/domain/test_tokens.py",
    "tests/unit/domain/test_secrets.py",
    "tests/unit/use_cases/test_refresh_tokens.py",
    "tests/unit/use_cases/test_endings.py",
    "tests/unit/use_cases/test_crashes.py",
]
STORED = [f"tests/contract/test_{name}.py" for name in ("credentials", "at_rest", "rewrapping")]
TARGETS: Final = {
    "src/domain/model/tokens.py": TOKENS,
    "src/domain/use_cases/rotation.py": TOKENS,
    "src/domain/use_cases/refresh_tokens.py": TOKENS,
    "src/domain/use_cases/keep_alive.py": TOKENS,
    "src/domain/use_cases/disconnect.py": TOKENS,
    "src/domain/use_cases/endings.py": TOKENS,
    "src/domain/use_cases/finish_disconnect.py": TOKENS,
    "src/adapters/crypto/envelope.py": ["tests/unit/crypto/test_envelope.py"],
    "src/adapters/crypto/keyring.py": ["tests/unit/crypto"],
    "src/adapters/crypto/documents.py": ["tests/unit/crypto"],
    "src/adapters/crypto/receiving.py": ["tests/unit/crypto"],
    "src/adapters/crypto/signing.py": ["tests/unit/crypto"],
    "src/adapters/crypto/sources.py": ["tests/unit/crypto"],
    "src/adapters/crypto/generation.py": ["tests/unit/crypto"],
    "src/adapters/postgres/sealing.py": ["tests/unit/postgres/test_sealing.py"],
    "src/adapters/postgres/credentials.py": STORED,
    "src/adapters/postgres/inbox.py": [
        f"tests/contract/test_{name}.py" for name in ("inbox_and_outbox", "concurrency")
    ],
}

OPPOSITES: Final[dict[type[ast.AST], Any]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
IN_SQL: Final = {
    " AND ": " OR ",
    " OR ": " AND ",
    " IS NULL": " IS NOT NULL",
    " IS NOT NULL": " IS NULL",
    " < ": " >= ",
    " > ": " <= ",
    " = :": " <> :",
    " + ": " - ",
    "= clock_timestamp()": "= NULL",
    "= NULL": "= clock_timestamp()",
}
IS_SQL: Final = re.compile(r"\b(SELECT|INSERT INTO|UPDATE)\b")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One small change: the module, the function, and what stands in place of what."""

    path: str
    place: str
    before: str
    after: str
    source: str

    @property
    def name(self) -> str:
        """What `docs/mutants.md` calls it; line numbers would change with every edit."""
        return f"{Path(self.path).stem}.{self.place}: `{self.before}` → `{self.after}`"


def mutants_of(path: str) -> list[Mutant]:
    """Every mutant of a module; two that read alike are told apart by a number."""
    tree = ast.parse((ROOT / path).read_text())
    found: list[Mutant] = []
    counts: Counter[str] = Counter()
    for place, spot in _spots(tree):
        for new, before, after in _changes(spot):
            spot.put(new)
            source = ast.unparse(ast.fix_missing_locations(tree))
            spot.put(spot.node)
            mutant = Mutant(path, place or "module", before, after, source)
            counts[mutant.name] += 1
            number = counts[mutant.name]
            found.append(mutant if number == 1 else replace(mutant, place=f"{mutant.place}#{number}"))
    return found


@dataclass(frozen=True, slots=True)
class Spot:
    """A node, and where in the tree it is."""

    parent: ast.AST
    field: str
    index: int | None
    node: ast.AST

    def put(self, node: ast.AST) -> None:
        """Have another node in its place."""
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


def _spots(tree: ast.Module) -> Iterator[tuple[str, Spot]]:
    """Every node that is run, with the function it is in; protocols, annotations and docstrings are not."""

    def walk(node: ast.AST, place: str) -> Iterator[tuple[str, Spot]]:
        for name, value in ast.iter_fields(node):
            for index, child in enumerate(value if isinstance(value, list) else [value]):
                if name in UNRUN or not isinstance(child, ast.AST) or _is_for_readers(child):
                    continue
                yield place, Spot(node, name, index if isinstance(value, list) else None, child)
                named = getattr(child, "name", None) if isinstance(child, ast.stmt) else None
                yield from walk(child, f"{place}.{named}".removeprefix(".") if named else place)

    yield from walk(tree, "")


def _is_for_readers(node: ast.AST) -> bool:
    """A protocol, an import, a docstring, an assertion, the text of an error: nothing hangs on it."""
    if isinstance(node, ast.ClassDef):
        return any(getattr(base, "id", "") == "Protocol" for base in node.bases)
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    return isinstance(node, ast.Import | ast.ImportFrom | ast.Assert | ast.JoinedStr)


def _changes(spot: Spot) -> Iterator[tuple[ast.AST, str, str]]:
    """What may stand in a node's place, and how the change reads."""
    match spot.node:
        case ast.Constant(str(text)) if IS_SQL.search(text):
            for start, old, new in _sql_changes(text):
                changed = ast.Constant(text[:start] + new + text[start + len(old) :])
                context = " ".join(text[max(0, start - 24) : start + len(old) + 24].split())
                yield changed, f"… {context} …", new.strip()
        case ast.Call(function, arguments, keywords) if keywords:
            for left_out in keywords:
                if left_out.arg is not None:
                    others = [one for one in keywords if one is not left_out]
                    yield (
                        ast.Call(function, arguments, others),
                        f"{_read(function)}({_read(left_out)})",
                        "left out",
                    )
        case node:
            for other in (*_other_operators(node), *_other_statements(node)):
                yield other, _read(node), _read(other)


def _sql_changes(text: str) -> Iterator[tuple[int, str, str]]:
    for old, new in IN_SQL.items():
        for found in re.finditer(re.escape(old), text):
            yield found.start(), old, new


def _other_operators(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(left, [operator], comparators) if type(operator) in OPPOSITES:
            yield ast.Compare(left, [OPPOSITES[type(operator)]()], comparators)
        case ast.BoolOp(operator, values):
            yield ast.BoolOp(OPPOSITES[type(operator)](), values)
        case ast.BinOp(left, operator, right) if type(operator) in OPPOSITES:
            yield ast.BinOp(left, OPPOSITES[type(operator)](), right)
        case ast.UnaryOp(ast.Not(), operand):
            yield operand
        case ast.Constant(bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(int(value)):
            yield ast.Constant(value + 1)


def _other_statements(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.If(test, body, orelse):
            yield ast.If(ast.UnaryOp(ast.Not(), test), body, orelse)
        case ast.IfExp(test, one, other):
            yield ast.IfExp(ast.UnaryOp(ast.Not(), test), one, other)
        case ast.Return(ast.expr() as value) if not isinstance(value, ast.Constant):
            yield ast.Return(ast.Constant(None))
        case ast.Raise() | ast.Continue() | ast.Expr(ast.Call()) | ast.AugAssign():
            yield ast.Pass()


def _read(node: ast.AST) -> str:
    """The first line of a node."""
    return ast.unparse(ast.fix_missing_locations(deepcopy(node))).split("\n")[0]


def run_tests(folder: str, tests: list[str]) -> None:
    """In a process of its own: run tests on the sources in `folder`; the exit code says how they ended."""
    import pytest  # noqa: PLC0415 - not where mutants are only listed

    os.chdir(ROOT)
    sys.dont_write_bytecode = False  # whatever the environment says: compiling takes longer than most tests
    sys.path[:0] = [f"{folder}/src", str(ROOT / "tests")]
    with Path(folder, "output").open("w") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    paths = f"pythonpath={folder}/src tests ops/grafana"
    preloaded = "ignore::pytest.PytestAssertRewriteWarning"
    options = ["-x", "-q", "-p", "no:cacheprovider", "-W", preloaded, "-o", paths]
    if all(test.startswith("tests/unit/") for test in tests):
        options += ["--noconftest", "-p", "unit.conftest"]  # the other one loads what services need
    else:
        options += ["-k", "postgres or not memory"]  # fakes are not what is broken
    os._exit(pytest.main([*options, *tests]))


def is_killed(mutant: Mutant, folder: Path) -> bool:
    """Whether a test notices; one that makes the tests hang, or fail to begin, is noticed too."""
    file = folder / mutant.path
    whole = file.read_text()
    _write(file, mutant.source)
    child = FORKS.Process(target=run_tests, args=(str(folder), TARGETS[mutant.path]))
    child.start()
    child.join(PATIENCE_S)
    if child.is_alive():
        child.kill()
        child.join()
    _write(file, whole)
    if child.exitcode not in ENDINGS:
        raise RuntimeError(f"the tests did not run: {Path(folder, 'output').read_text()[-2_000:]}")
    return child.exitcode != 0


def _write(file: Path, source: str) -> None:
    """Change a module; what was compiled of it could pass for this, if it is as long and as old."""
    file.write_text(source)
    for compiled in file.parent.glob(f"__pycache__/{file.stem}.*.pyc"):
        compiled.unlink()


def run_all(mutants: list[Mutant]) -> Iterator[tuple[Mutant, bool]]:
    """Each mutant and whether it was killed, as they come."""
    folders: SimpleQueue[Path] = SimpleQueue()

    def run(mutant: Mutant) -> tuple[Mutant, bool]:
        folder = folders.get()
        try:
            return mutant, is_killed(mutant, folder)
        finally:
            folders.put(folder)

    with tempfile.TemporaryDirectory() as parent, ThreadPoolExecutor(PARALLEL) as pool:
        for number in range(PARALLEL):
            folder = Path(parent, str(number))
            shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
            folders.put(folder)
        yield from pool.map(run, mutants)


def main(arguments: list[str]) -> int:
    """Run the mutants of the modules whose paths contain one of the arguments; say what survives."""
    names = [one for one in arguments if not one.startswith("-")]
    paths = [path for path in TARGETS if not names or any(name in path for name in names)]
    mutants = [mutant for path in paths for mutant in mutants_of(path)]
    if "--list" in arguments:
        say(*(mutant.name for mutant in mutants))
        return 0
    explained = REASONS.read_text() if REASONS.exists() else ""
    started, survivors, killed = time.monotonic(), [], Counter[str]()
    whole = [Mutant(path, "", "", "", (ROOT / path).read_text()) for path in paths]
    with database():
        for mutant, is_dead in run_all(whole):
            if is_dead:
                sys.exit(
                    f"the tests of {mutant.path} fail although nothing is broken: run them by themselves"
                )
        for mutant, is_dead in run_all(mutants):
            killed[mutant.path] += is_dead
            if not is_dead:
                survivors.append(mutant)
                say(f"survived  {mutant.name}{'' if mutant.name in explained else '  (no reason given)'}")
    for path in paths:
        of = sum(mutant.path == path for mutant in mutants)
        say(f"{path:<48} {killed[path]:>4} of {of:>4} killed")
    share = killed.total() / len(mutants)
    unexplained = sum(one.name not in explained for one in survivors)
    say(
        f"{share:.1%} of {len(mutants)} mutants killed in {time.monotonic() - started:.0f} s;"
        f" {len(survivors)} survived, {unexplained} of them without a reason in docs/mutants.md"
    )
    return 0 if share >= ENOUGH and not unexplained else 1


def say(*lines: str) -> None:
    """Print at once, for whoever waits."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


@contextmanager
def database() -> Iterator[None]:
    """One PostgreSQL for all runs, unless one is given."""
    sys.path.insert(0, str(ROOT / "src"))
    from entrypoints.local.finding import find_postgres  # noqa: PLC0415 - of this tree, not an installed one
    from entrypoints.local.postgres import UNSAFE_BUT_FAST  # noqa: PLC0415

    server = find_postgres(os.environ.get("DATABASE_URL"), options=UNSAFE_BUT_FAST)
    if server is None:
        sys.exit("mutants need a PostgreSQL")
    os.environ["DATABASE_URL"] = server.url
    try:
        yield
    finally:
        server.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
