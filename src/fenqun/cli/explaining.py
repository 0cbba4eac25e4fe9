"""What `fenqun explain` prints of a segment."""

from __future__ import annotations

import json
from typing import Any

from fenqun.cli.printing import print_json, print_table
from fenqun.errors import RunError
from fenqun.explanation.phrases import best_rule, say_conditions
from fenqun.schema import RuleTable
from fenqun.store import Run


def explain_one_segment(run: Run, segment: str, as_json: bool) -> None:
    """Print the card and drivers of a segment, a macro-segment or a micro-segment."""
    rows = [{**row, "level": "segment"} for row in run.read_table("segments.parquet").to_pylist()]
    if run.artifact("hierarchy.parquet").is_file():
        rows += run.read_table("hierarchy.parquet").to_pylist()
    row = next((row for row in rows if row["segment_id"] == segment), None)
    if row is None:
        known = ", ".join(row["segment_id"] for row in rows)
        raise RunError(f"has no segment {segment!r}", where=str(run.path), mend=f"one of {known}")
    told: dict[str, Any] = {**row, **{name: json.loads(row[name]) for name in ("card", "drivers", "naming")}}
    if as_json:
        print_json(told)
        return
    print(
        f"{segment}: {row['name_en']} / {row['name_zh']}; {row['size']:,} users ({row['share']:.1%}), "
        f"{told['card']['kind']}, named by {told['naming']['source']}"
    )
    _print_place(row, rows)
    if told["naming"]["description_en"]:
        print(f"{told['naming']['description_en']} / {told['naming']['description_zh']}")
    if told["naming"]["claims"]:
        print_table(
            "What the language model claimed",
            ["kind", "feature", "direction", "verdict", "later here", "later everyone", "n"],
            [
                [c["kind"], c["feature"], c["direction"], c["verdict"], c["value"], c["everyone"], c["n"]]
                for c in told["naming"]["claims"]
            ],
        )
    _print_rule(run, segment)
    print_table(
        "What sets it apart",
        ["kind", "feature", "effect", "here", "segment" if row["level"] == "micro" else "everyone", "q"],
        [[d["kind"], d["feature"], d["effect"], d["segment"], d["everyone"], d["q"]] for d in told["drivers"]],
    )
    print_table(
        "Items over-represented",
        ["item", "text", "users", "lift"],
        [[i["item_id"], i["text"], i["users"], i["lift"]] for i in told["card"]["items"]],
    )


def _print_place(row: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """Print what the group is part of, and what it is divided into."""
    above = next((one for one in rows if one["segment_id"] == row["parent_id"]), None)
    if above is not None:
        print(f"Part of {above['segment_id']}: {above['name_en']} / {above['name_zh']}")
    for one in rows:
        if one["parent_id"] == row["segment_id"]:
            print(f"Holds {one['segment_id']}: {one['name_en']} / {one['name_zh']}; {one['size']:,} users")


def _print_rule(run: Run, segment: str) -> None:
    if not run.artifact("rules.json").is_file():
        return
    rule = best_rule(run.read_model("rules.json", RuleTable).rules, segment)
    if rule is None:
        print("No short rule says who is here / 没有简短的规则能说明谁在本群")
    else:
        said = say_conditions(rule.conditions)
        print(
            f"In a rule: {said.en} / {said.zh} ({rule.precision or 0.0:.0%} of {rule.users:,} users held out whom it finds "
            f"are in the segment, {rule.recall or 0.0:.0%} of it)"
        )
