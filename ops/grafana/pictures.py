"""
Pictures of the dashboard, drawn from what a Prometheus answers.

`python ops/grafana/pictures.py URL FOLDER [MINUTES]` draws one SVG a row. The committed ones are of the run
of the tests: `ALLIE_XERO_PICTURES=docs/pictures ./run test tests/ops/test_prometheus.py`.
"""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen
from xml.sax.saxutils import escape

from panels import ROWS, Kind, Panel, Row

WIDTH, HEIGHT, GAP, TOP = 400, 190, 12, 34
LEFT, BOTTOM, HEAD, LEGEND = 52, 50, 32, 4
COLOURS = ("#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#b07aa1", "#76b7b2", "#9c755f", "#edc948")
POINTS = 120


@dataclass(frozen=True, slots=True)
class Line:
    """One series: its legend and its points, seconds and values."""

    legend: str
    points: tuple[tuple[float, float], ...]


def main(url: str, folder: Path, minutes: float = 60.0) -> None:
    """Draw every row as of now."""
    end = time.time()
    draw_rows(url, folder, end - 60 * minutes, end)


def draw_rows(url: str, folder: Path, start: float, end: float, window: str = "1m") -> None:
    """Draw every row between two instants; `window` stands for Grafana's rate interval."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, row in enumerate(ROWS, start=1):
        name = f"{number}-{row.title.lower().replace(' ', '-')}.svg"
        (folder / name).write_text(draw_row(row, url, start, end, window))


def draw_row(row: Row, url: str, start: float, end: float, window: str) -> str:
    """One row as an SVG, three panels beside each other."""
    lines = -(-len(row.panels) // 3)
    width, height = 3 * WIDTH + 4 * GAP, TOP + lines * (HEIGHT + GAP)
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="10">',
        '<rect width="100%" height="100%" fill="#f4f5f7"/>',
        f'<text x="{GAP}" y="22" font-size="15" font-weight="bold">{escape(row.title)}</text>',
    ]
    for number, panel in enumerate(row.panels):
        x = GAP + (number % 3) * (WIDTH + GAP)
        y = TOP + (number // 3) * (HEIGHT + GAP)
        found = [line for query in panel.queries for line in ask(url, query, start, end, window)]
        parts.append(f'<g transform="translate({x},{y})">{"".join(draw(panel, found, start, end))}</g>')
    return "\n".join([*parts, "</svg>", ""])


def ask(url: str, query: tuple[str, str], start: float, end: float, window: str) -> list[Line]:
    """What Prometheus answers to one query, over a range."""
    expr, legend = query
    asked = {
        "query": expr.replace("$__rate_interval", window),
        "start": start,
        "end": end,
        "step": max(1.0, (end - start) / POINTS),
    }
    with urlopen(f"{url}/api/v1/query_range?{urlencode(asked)}") as answer:  # noqa: S310 - one's own server
        found = json.load(answer)["data"]["result"]
    return [Line(_named(legend, one["metric"]), _points(one["values"])) for one in found]


def _named(legend: str, labels: dict[str, str]) -> str:
    for name, value in labels.items():
        legend = legend.replace(f"{{{{{name}}}}}", value)
    return legend


def _points(values: Sequence[tuple[float, str]]) -> tuple[tuple[float, float], ...]:
    return tuple((float(at), float(value)) for at, value in values if value not in ("NaN", "+Inf", "-Inf"))


def draw(panel: Panel, lines: Sequence[Line], start: float, end: float) -> Iterator[str]:
    """One panel."""
    yield f'<rect width="{WIDTH}" height="{HEIGHT}" rx="4" fill="#fff" stroke="#d8dade"/>'
    yield f'<text x="10" y="17" font-weight="bold">{escape(panel.title)}</text>'
    lines = [line for line in lines if any(value for _, value in line.points)] or list(lines)[:1]
    if not any(line.points for line in lines):
        yield f'<text x="{WIDTH / 2}" y="{HEIGHT / 2}" text-anchor="middle" fill="#888">none</text>'
    elif panel.kind is Kind.NUMBER:
        value = shown(lines[0].points[-1][1], panel.unit)
        place = f'x="{WIDTH / 2}" y="{HEIGHT / 2 + 14}"'
        yield f'<text {place} text-anchor="middle" font-size="38" fill="#33691e">{value}</text>'
    else:
        lines = sorted(lines, key=lambda line: -max((value for _, value in line.points), default=0))
        yield from _chart(panel, _stacked(lines) if panel.kind is Kind.STACK else lines, start, end)
        yield from _legend(lines)


def _chart(panel: Panel, lines: Sequence[Line], start: float, end: float) -> Iterator[str]:
    top = max((value for line in lines for _, value in line.points), default=0) or 1.0
    wide, high = WIDTH - LEFT - 10, HEIGHT - HEAD - BOTTOM
    for share in (0.0, 0.5, 1.0):
        y = HEAD + high * (1 - share)
        yield f'<path d="M{LEFT} {y:.1f}h{wide}" stroke="#e6e7ea"/>'
        label = shown(top * share, panel.unit)
        yield f'<text x="{LEFT - 5}" y="{y + 3:.1f}" text-anchor="end">{label}</text>'
    for x, anchor, label in ((LEFT, "start", "0"), (LEFT + wide, "end", shown_time(end - start))):
        yield f'<text x="{x}" y="{HEAD + high + 11}" text-anchor="{anchor}" fill="#888">{label}</text>'
    for number, line in enumerate(lines):
        place = [
            f"{LEFT + wide * (at - start) / (end - start):.1f} {HEAD + high * (1 - value / top):.1f}"
            for at, value in line.points
        ]
        colour = COLOURS[number % len(COLOURS)]
        fill = "none"
        path = "M" + "L".join(place)
        if panel.kind is Kind.STACK and place:
            first, last = place[0].split()[0], place[-1].split()[0]
            path += f"L{last} {HEAD + high}L{first} {HEAD + high}Z"
            fill = colour
        yield f'<path d="{path}" fill="{fill}" fill-opacity="0.85" stroke="{colour}" stroke-width="1.3"/>'


def _stacked(lines: Sequence[Line]) -> list[Line]:
    """Each line on top of those after it, so that the first is the whole."""
    below: dict[float, float] = {}
    stacked = []
    for line in reversed(lines):
        below |= {at: below.get(at, 0.0) + value for at, value in line.points}
        stacked.append(Line(line.legend, tuple((at, below[at]) for at, _ in line.points)))
    return stacked[::-1]


def _legend(lines: Sequence[Line]) -> Iterator[str]:
    x, y = 10.0, HEIGHT - 26.0
    for number, line in enumerate(lines[: 2 * LEGEND]):
        needed = 20 + 5.3 * len(line.legend)
        if x + needed > WIDTH:
            x, y = 10.0, y + 13
        if y > HEIGHT - 8:
            return
        yield f'<rect x="{x:.0f}" y="{y:.0f}" width="9" height="9" fill="{COLOURS[number % len(COLOURS)]}"/>'
        yield f'<text x="{x + 12:.0f}" y="{y + 8:.0f}">{escape(line.legend)}</text>'
        x += needed


def shown_time(seconds: float) -> str:
    """A span of time, short."""
    return f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds:.0f} s"  # noqa: PLR2004


def shown(value: float, unit: str) -> str:
    """A value in Grafana's unit, short."""
    if unit == "percentunit":
        return f"{100 * value:.0f} %" if value >= 0.1 or not value else f"{100 * value:.2g} %"  # noqa: PLR2004
    for size, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g} {prefix}{_suffix(unit)}"
    return f"{value:.3g} {_suffix(unit)}".rstrip()


def _suffix(unit: str) -> str:
    return {"s": "s", "cps": "/s", "Bps": "B/s", "bytes": "B"}.get(unit, "")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *map(float, sys.argv[3:]))
