"""What a finished run says on the terminal."""

from __future__ import annotations

import json
from typing import Any

from rich.cells import cell_len, set_cell_size

from fenqun.cli.printing import line_width, print_table
from fenqun.evaluation.comparison import verdicts
from fenqun.store import Run

_COLUMNS = {
    "ndcg": "lists\nNDCG",
    "explained_value": "future value\nexplained",
    "explained_events": "future events\nexplained",
    "bootstrap_ari": "stability\nARI",
}
_WIDE = 110
"""Columns from which a terminal has room for the items of each segment."""
_FIXED = 32
"""Columns that id, users, share and the lines between cells take."""
_LEAST_ITEMS = 24


def summary(run: Run) -> dict[str, Any]:
    """Return the headline of a run as plain values."""
    manifest = run.read_manifest()
    stages = {stage.name: stage for stage in manifest.stages}
    segments = run.read_table("segments.parquet").to_pylist()
    comparison = run.read_table("comparison.parquet")
    return {
        "run": str(run.path),
        "report": str(run.artifact("report.html")),
        "as_of": manifest.as_of,
        "data": stages["data"].figures,
        "strategy": stages["segmentation"].figures["strategy"],
        "k": stages["segmentation"].figures["k"],
        "clusterer": stages["segmentation"].figures["clusterer"],
        "why": stages["segmentation"].figures["why"],
        "agreement": stages["segmentation"].figures["agreement"],
        "structure": stages["evaluation"].figures.get("structure"),
        "segments": [
            {key: row[key] for key in ("segment_id", "name", "name_en", "name_zh", "size", "share")}
            for row in segments
        ],
        "comparison": [
            {key: row[key] for key in ("strategy", "k", "axis", "metric", "value", "low", "high", "n")}
            for row in comparison.to_pylist()
        ],
        "winners": [
            {"axis": v.axis, "metric": v.metric, "winner": v.winner, "value": v.value, "established": v.established}
            for v in verdicts(comparison)
        ],
        "seconds": round(sum(stage.seconds for stage in manifest.stages), 1),
        "peak_mb": max(stage.peak_mb for stage in manifest.stages),
    }


def print_summary(run: Run) -> None:
    """Print the headline of a run for people."""
    told = summary(run)
    data = told["data"]
    print(f"{data['events']:,} events of {data['users']:,} users about {data['items']:,} items")
    print(f"as of {told['as_of']}; {data['rejected']:,} rows rejected\n")
    _print_segments(run, told)
    if (told["structure"] or {}).get("found") is False:
        print("no structure found: on held-out time these segments do no better than groups drawn by lot")
    print()
    _print_strategies(told)
    print(f"\n{told['seconds']:.0f} s, at most {told['peak_mb']:,.0f} MB")
    print(f"report: {told['report']}")


def print_next(run: Run) -> None:
    """Print commands that a newcomer may try on a finished run."""
    first = run.read_table("segments.parquet", ["segment_id"])["segment_id"][0].as_py()
    user = run.read_table("memberships.parquet", ["user_id"])["user_id"][0].as_py()
    print("next:")
    for command in (
        f"explain {run.path} --segment {first}",
        f"explain {run.path} {user}",
        f"recommend {run.path} --segment {first}",
        f"compare {run.path} --axis lists",
        f"export {run.path} -o {run.path}-export",
        f"run {run.path}/config.yaml --out {run.path} --set segmentation.k=8",
    ):
        print(f"  fenqun {command}")


def _print_segments(run: Run, told: dict[str, Any]) -> None:
    """One row a segment; what it over-represents only where a line has room for it."""
    title = f"{told['k']} segments ({told['strategy']}, {told['clusterer']})"
    columns = ["id", "name", "users", "share"]
    rows = [[s["segment_id"], s["name"], s["size"], f"{s['share']:.1%}"] for s in told["segments"]]
    room = line_width() - _FIXED - max(cell_len(row[1]) for row in rows)
    if line_width() >= _WIDE and room >= _LEAST_ITEMS:
        cards = [json.loads(card) for card in run.read_table("segments.parquet", ["card"])["card"].to_pylist()]
        columns.append("over-represented")
        rows = [[*row, _first_items(card, room)] for row, card in zip(rows, cards, strict=True)]
    print_table(title, columns, rows)


def _print_strategies(told: dict[str, Any]) -> None:
    """One row a strategy, the best of each column marked: ``*`` where the lead is established."""
    strategies = list(dict.fromkeys(row["strategy"] for row in told["comparison"]))
    value = {(row["strategy"], row["metric"]): row["value"] for row in told["comparison"]}
    shown = {metric: head for metric, head in _COLUMNS.items() if any((s, metric) in value for s in strategies)}
    first = {w["metric"]: w for w in told["winners"] if w["metric"] in shown}

    def cell(strategy: str, metric: str) -> str:
        number = value.get((strategy, metric))
        if number is None:
            return "–  "
        winner = first.get(metric)
        mark = "  " if winner is None or winner["winner"] != strategy else " *" if winner["established"] else " +"
        return f"{number:.3f}{mark}"

    print_table(
        "Strategies on held-out data, at equal numbers of segments",
        ["strategy", *shown.values()],
        [[name, *(cell(name, metric) for metric in shown)] for name in strategies],
        right=range(1, 1 + len(shown)),
    )
    print("* first, the lead over the next is established; + first, it is not")


def _first_items(card: dict[str, Any], room: int) -> str:
    """Texts of the card's first items, as many as one line holds."""
    texts = [" ".join((item["text"] or item["item_id"]).split()) for item in card["items"]]
    line = ""
    for text in texts:
        longer = f"{line}; {text}" if line else text
        if line and cell_len(longer) > room:
            break
        line = longer
    return line if cell_len(line) <= room else f"{set_cell_size(line, room - 1)}…"
