"""Where names come from, what was struck, and what segments give away, as the report shows it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from fenqun import schema
from fenqun.explanation.language_naming import _ASKED_AGAIN
from fenqun.explanation.lint import LIST
from fenqun.report.artifacts import read_artifacts
from fenqun.report.fairness import fairness_rows, fairness_warnings
from fenqun.report.html import write_report
from fenqun.report.naming import NAME_REASONS, SENSITIVE, naming_view
from fenqun.report.sections import warnings

CLAIMS = [
    schema.Claim(
        kind="category",
        feature="Horror",
        direction="more",
        times=2,
        verdict="holds",
        value=0.2,
        everyone=0.1,
        q=0,
        n=90,
    ),
    schema.Claim(
        kind="trait", feature="share_weekend", direction="less", verdict="fails", value=0.5, everyone=0.3, n=90
    ),
    schema.Claim(kind="category", feature="<b>Caviar</b>", direction="more", verdict="unknown"),
]


def put(run: Any, naming: schema.Naming) -> None:
    rows = run.read_table("segments.parquet").to_pylist()
    rows[0]["naming"] = naming.model_dump_json()
    run.write_table("segments.parquet", pa.Table.from_pylist(rows, schema=schema.SEGMENTS))


def figure(value: float) -> dict[str, float]:
    return {
        "value": value,
        "low": value - 0.1,
        "high": value + 0.1,
        "chance": 0.5,
        "chance_low": 0.4,
        "chance_high": 0.6,
    }


def declare(run: Any, fairness: dict[str, Any]) -> None:
    manifest = json.loads(run.artifact("run.json").read_text(encoding="utf-8"))
    next(s for s in manifest["stages"] if s["name"] == "evaluation")["figures"]["fairness"] = fairness
    run.write_json("run.json", manifest)


def test_every_code_has_words() -> None:
    assert set(_ASKED_AGAIN) <= set(NAME_REASONS)
    assert {"timeout", "http", "connection", "given_up", "no_claim_holds", "rests_on_struck"} <= set(NAME_REASONS)
    assert set(SENSITIVE) == set(LIST)


def test_a_struck_claim_is_shown_as_struck(fabric: Callable[..., Any]) -> None:
    run = fabric(users=200).everything()
    naming = schema.Naming(
        source="model",
        rule_en="Rule",
        rule_zh="规则",
        description_en="Likes fright.",
        description_zh="喜欢惊吓。",
        claims=CLAIMS,
    )
    put(run, naming)
    write_report(run)
    page = run.artifact("report.html").read_text(encoding="utf-8")
    assert page.count("<s>") == 2
    assert "Likes fright." in page and "喜欢惊吓。" in page
    assert "&lt;b&gt;Caviar&lt;/b&gt;" in page and "<b>Caviar" not in page
    assert "By rules it would be" in page and "later 20.0% here, 10.0% for everyone, n = 90" in page


@pytest.mark.parametrize("code", sorted(NAME_REASONS))
def test_why_a_name_is_not_the_models(code: str) -> None:
    card = schema.Card(
        items=[], hours=[], weekdays=[], traits={}, typical_users=[], confidence=0, kind="constructive"
    )
    view = naming_view(schema.Naming(source="rules", rule_en="A", rule_zh="甲", reason=code), card)
    assert view.reason.en.startswith("Not by the language model: ") and view.reason.zh and not view.rule.en
    left_out = schema.Naming(source="model", rule_en="A", rule_zh="甲", reason=f"description_{code}")
    assert "left out" in naming_view(left_out, card).reason.en


def test_a_sensitive_name_is_warned_of(fabric: Callable[..., Any]) -> None:
    run = fabric(users=200).everything()
    put(run, schema.Naming(source="person", rule_en="A", rule_zh="甲", warnings=["poverty:poor", "age:old"]))
    said = [one for one in warnings(read_artifacts(run)) if "fenqun rename" in one.en]
    assert len(said) == 1 and "poverty and age" in said[0].en and "贫困和年龄" in said[0].zh


def test_what_segments_give_away(fabric: Callable[..., Any]) -> None:
    run = fabric(users=200).everything()
    told = {
        "macro_f1": figure(0.8), "auc": figure(0.85), "cramers_v": figure(0.6), "base_rate": 0.6, "base_f1": 0.37,
        "n": 150, "levels": {"F": 90, "M": 60}, "verdict": "stands_in",
    }  # fmt: skip
    declare(run, {"gender": told, "age": told | {"verdict": "chance"}, "city": None})
    found = read_artifacts(run)
    assert [row.words.en for row in fairness_rows(found)] == [
        "segments stand in for it", "no more than chance", "not known for enough users",
    ]  # fmt: skip
    said = fairness_warnings(found)
    assert len(said) == 1 and "Gender" in said[0].en and "0.85" in said[0].zh
    write_report(run)
    assert 'id="fairness"' in run.artifact("report.html").read_text(encoding="utf-8")
    declare(run, {})
    write_report(run)
    assert 'id="fairness"' not in run.artifact("report.html").read_text(encoding="utf-8")
