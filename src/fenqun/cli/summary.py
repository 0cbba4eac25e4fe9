"""What a finished run says on the terminal."""

from __future__ import annotations

import json
from typing import Any

from fenqun.cli.printing import print_table
from fenqun.evaluation.comparison import verdicts
from fenqun.store import Run

_COLUMNS = ("ndcg", "explained_value", "explained_events", "bootstrap_ari")


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
    print(
        f"{data['events']:,} events of {data['users']:,} users about {data['items']:,} items, as of {told['as_of']}; "
        f"{data['rejected']:,} rows rejected"
    )
    cards = {row["segment_id"]: json.loads(row["card"]) for row in run.read_table("segments.parquet").to_pylist()}
    print_table(
        f"{told['k']} segments ({told['strategy']}, {told['clusterer']})",
        ["id", "name", "名称", "users", "share", "over-represented"],
        [
            [
                s["segment_id"],
                s["name_en"],
                s["name_zh"],
                s["size"],
                f"{s['share']:.1%}",
                _first_items(cards[s["segment_id"]]),
            ]
            for s in told["segments"]
        ],
    )
    strategies = list(dict.fromkeys(row["strategy"] for row in told["comparison"]))
    value = {(row["strategy"], row["metric"]): row["value"] for row in told["comparison"]}
    print_table(
        "Strategies on held-out data at equal numbers of segments",
        ["strategy", "lists NDCG", "future value explained", "future events explained", "stability ARI"],
        [[name, *(value.get((name, metric)) for metric in _COLUMNS)] for name in strategies],
    )
    for winner in told["winners"]:
        if winner["metric"] in _COLUMNS:
            sure = "established" if winner["established"] else "not established"
            print(f"{winner['metric']}: {winner['winner']} is first at {winner['value']:.3f} ({sure})")
    print(f"{told['seconds']:.0f} s, at most {told['peak_mb']:,.0f} MB")
    print(f"report: {told['report']}")


def _first_items(card: dict[str, Any]) -> str:
    return ", ".join(item["text"] or item["item_id"] for item in card["items"][:2])
