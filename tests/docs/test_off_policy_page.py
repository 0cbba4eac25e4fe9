"""The page on off-policy estimates says what the benchmark's file says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "decisions" / "off_policy.md").read_text(encoding="utf-8")
FOUND: dict[str, Any] = json.loads(
    (ROOT / "benchmarks" / "results" / "off_policy.json").read_text(encoding="utf-8")
)


def bare(value: float) -> str:
    return f"{value:.3f}".replace("0.", ".", 1)


def rows(heading: str) -> list[list[str]]:
    section = PAGE.split(f"## {heading}")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def test_coverage_by_clicks() -> None:
    told = [row[1:] for row in rows("Why Wilson and not the bootstrap") if row[0] != "---"]
    by_clicks = FOUND["simulator"]["by clicks"]
    pairs = zip(by_clicks["snips"], by_clicks["snips, bootstrap"], strict=True)
    assert told == [[str(one["estimates"]), bare(one["coverage"]), bare(two["coverage"])] for one, two in pairs]


def test_logged_bandits() -> None:
    for campaign, policy, on_policy, off_policy, effective in rows("Logged bandits"):
        cell = FOUND["bandit"][campaign][policy]
        assert float(on_policy.split()[0]) == round(1000 * cell["on-policy"]["value"], 1)
        assert (off_policy == "refused") == bool(cell["snips"]["refused"])
        if off_policy != "refused":
            assert float(off_policy.split()[0]) == round(1000 * cell["snips"]["value"], 1)
        assert float(effective.replace(",", "")) in (round(cell["snips"]["effective"]), cell["snips"]["effective"])


def test_coupons() -> None:
    cell = FOUND["coupons"]["campaign 18"]
    for name, fifth, _, half in rows("Who redeems coupons"):
        for told, reach in ((fifth, "reach 20%"), (half, "reach 50%")):
            row = cell[reach][name]
            low, high = row["interval"]
            assert told == f"{bare(row['rate'])} [{bare(low)}, {bare(high)}]"
