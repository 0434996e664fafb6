"""
Grafana's dashboard, built from `panels.py`.

`python ops/grafana/dashboard.py` writes `ops/grafana/dashboards/allie-xero.json`; a test keeps them together.
"""

from itertools import count
from pathlib import Path

from grafana_foundation_sdk.builders import common, prometheus, stat, timeseries
from grafana_foundation_sdk.builders import dashboard as grafana
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    GraphDrawStyle,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import DataSourceRef

from panels import ROWS, Kind, Panel

PATH = Path(__file__).parent / "dashboards" / "allie-xero.json"
SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")
HEIGHT = 7


def text() -> str:
    """The dashboard's JSON, as it is committed."""
    return JSONEncoder(sort_keys=True, indent=1).encode(build().build()) + "\n"


def build() -> grafana.Dashboard:
    """The dashboard."""
    built = (
        grafana.Dashboard("Allie Xero")
        .uid("allie-xero")
        .description("Clinics' Xero payroll: is it fresh, and if not, why. Runbooks: ops/runbooks.")
        .tags(["allie-xero"])
        .time("now-6h", "now")
        .refresh("30s")
        .timezone("browser")
        .readonly()
    )
    ids = count(1)
    for row in ROWS:
        built = built.with_row(grafana.Row(row.title).id(next(ids)))
        for panel in row.panels:
            drawn = _number(panel) if panel.kind is Kind.NUMBER else _lines(panel)
            built = built.with_panel(drawn.id(next(ids)))
    return built


def _queries(panel: Panel) -> list[prometheus.Dataquery]:
    return [
        prometheus.Dataquery().ref_id(chr(ord("A") + number)).expr(expr).legend_format(legend)
        for number, (expr, legend) in enumerate(panel.queries)
    ]


def _number(panel: Panel) -> stat.Panel:
    shown = (
        stat.Panel()
        .title(panel.title)
        .description(panel.about)
        .datasource(SOURCE)
        .unit(panel.unit)
        .span(panel.width)
        .height(HEIGHT)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )
    for query in _queries(panel):
        shown = shown.with_target(query)
    return shown


def _lines(panel: Panel) -> timeseries.Panel:
    shown = (
        timeseries.Panel()
        .title(panel.title)
        .description(panel.about)
        .datasource(SOURCE)
        .unit(panel.unit)
        .span(panel.width)
        .height(HEIGHT)
        .min(0)
        .show_points(VisibilityMode.NEVER)
        .draw_style(GraphDrawStyle.LINE)
        .fill_opacity(60 if panel.kind is Kind.STACK else 8)
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)
        )
    )
    if panel.kind is Kind.STACK:
        shown = shown.stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    if panel.quiet:
        shown = shown.no_value("none")
    for query in _queries(panel):
        shown = shown.with_target(query)
    return shown


if __name__ == "__main__":
    PATH.write_text(text())
