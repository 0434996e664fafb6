"""`./run bench [a b …] [--quick] [--into FOLDER]`: measure, print the tables, keep them as JSON."""

import argparse
import importlib
import sys
from contextlib import ExitStack
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))  # for what starts processes and plays the main platform

BENCHMARKS = {
    "a": ("calls", "calls and bytes, against an SDK loop and dlt"),
    "b": ("waiting", "time to the newest pay run and to the end, under Xero's limit"),
    "c": ("cpu", "CPU per payslip, against the floor and against SDK models with an ORM"),
    "d": ("fleet", "calls a minute with many clinics"),
    "e": ("memory", "peak memory and time as the payroll grows"),
    "f": ("tick", "the dispatcher's tick as connections grow"),
}


def main(arguments: list[str]) -> None:
    """Run what was asked for, or all."""
    lines = "\n".join(f"  {letter}  {what}" for letter, (_, what) in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        prog="./run bench", epilog=lines, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("which", nargs="*", help="letters; all if none is given")
    parser.add_argument("--quick", action="store_true", help="small and coarse: shows that it works")
    parser.add_argument("--into", type=Path, default=HERE / "results", metavar="FOLDER")
    given = parser.parse_args(arguments)
    if unknown := set(given.which) - BENCHMARKS.keys():
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    from benchmarks.parts import Bench  # noqa: PLC0415 - needs the path above

    with ExitStack() as stack:
        bench = Bench(stack, quick=given.quick)
        for letter in given.which or BENCHMARKS:
            result = importlib.import_module(f"benchmarks.{BENCHMARKS[letter][0]}").run(bench)
            result.is_quick = given.quick
            print(result.show(), flush=True)
            result.write(given.into)


if __name__ == "__main__":
    main(sys.argv[1:])
