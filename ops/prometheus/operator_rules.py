"""
The alert rules as the Prometheus Operator wants them.

`python ops/prometheus/operator_rules.py` writes `ops/kubernetes/monitoring/rules.yaml`; a test keeps them
together.
"""

from pathlib import Path

import yaml

RULES = Path(__file__).parent / "rules"
PATH = Path(__file__).parents[1] / "kubernetes" / "monitoring" / "rules.yaml"
ABOUT = "# Made of ops/prometheus/rules by ops/prometheus/operator_rules.py.\n"


def text() -> str:
    """The manifest, as it is committed."""
    files = [yaml.safe_load(path.read_text()) for path in sorted(RULES.glob("*.yml"))]
    labels = {"app.kubernetes.io/part-of": "allie-xero"}
    manifest = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "allie-xero", "namespace": "allie-xero", "labels": labels},
        "spec": {"groups": [group for file in files for group in file["groups"]]},
    }
    return ABOUT + yaml.safe_dump(manifest, sort_keys=False, width=110)


if __name__ == "__main__":
    PATH.write_text(text())
