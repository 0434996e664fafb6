"""
`./run converge`: sixty examples of each country, the countries side by side.

`CONVERGENCE_EXAMPLES` and `CONVERGENCE_SEED` say how many of each, and from which seed on; further
arguments go to pytest. A failure names its seed: `CONVERGENCE_SEED=17 CONVERGENCE_EXAMPLES=1 ./run converge`.
"""

import os
import subprocess
import sys
from pathlib import Path

REGIONS = ("AU", "NZ", "UK")
EXAMPLES = "60"


def main(arguments: list[str]) -> int:
    """Run them all and return 0 if every view came to equal its source."""
    started = {region: _start(region, arguments) for region in REGIONS}
    codes = []
    for region, process in started.items():
        output, _ = process.communicate()
        sys.stdout.write(f"── {region} {'─' * 60}\n{output}\n")
        codes.append(process.returncode)
    return max(codes)


def _start(region: str, arguments: list[str]) -> "subprocess.Popen[str]":
    environment = {"CONVERGENCE_EXAMPLES": EXAMPLES, **os.environ, "CONVERGENCE_REGIONS": region}
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "tests/convergence", "-q", *arguments],
        cwd=Path(__file__).parents[1],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
