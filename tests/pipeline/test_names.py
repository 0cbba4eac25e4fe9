"""Names on the whole road: a language model whose claims are checked, persons' names that stay, fairness."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from fenqun.errors import ConfigError
from fenqun.explanation.given_names import likeness, placed, read_given, sketch
from fenqun.explanation.naming import Name
from fenqun.pipeline import run_pipeline
from fenqun.pipeline.renaming import rename_segment
from fenqun.schema import GivenName, Metrics, Naming
from fenqun.store import Run

needs_openai = pytest.mark.skipif(find_spec("openai") is None, reason="the extra openai is not installed")
SUNDAY = Name("Sunday people", "周日人群")


def rows(run: Run) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = run.read_table("segments.parquet").to_pylist()
    return found


@pytest.fixture(scope="module")
def named(log: Any, configure: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Run]:
    config = configure(log, "segmentation.k=3", "fairness={sensitive: [kind], permutations: 40}")
    return config, run_pipeline(config, tmp_path_factory.mktemp("named") / "run")


@needs_openai
def test_a_language_model_names_what_later_events_confirm(
    serve: Any, log: Any, configure: Callable[..., Any], tmp_path: Path
) -> None:
    def answer(asked: dict[str, Any]) -> str:
        data = server.data(asked)
        told = [fact for fact in data.get("category", data.get("item", [])) if fact["direction"] == "more"]
        kind = "category" if "category" in data else "item"
        evidence = [{"kind": kind, "feature": told[0]["feature"], "direction": "more", "times": None}]
        evidence.append({"kind": kind, "feature": "Caviar", "direction": "more", "times": 9})
        name = told[0]["feature"]
        return json.dumps({
            "name_en": f"{name} lovers", "name_zh": f"{name}爱好者", "evidence": evidence,
            "description_en": f"People who like {name}.", "description_zh": f"喜欢{name}的人群。",
        })  # fmt: skip

    server = serve(answer)
    config = configure(log, "segmentation.k=3", f"naming={{model: told, base_url: '{server.url}'}}")
    run = run_pipeline(config, tmp_path / "run")
    records = [Naming.model_validate_json(row["naming"]) for row in rows(run)]
    assert any(record.source == "model" for record in records), [(r.reason, r.detail) for r in records]
    for row, record in zip(rows(run), records, strict=True):
        assert record.source == "rules" or "lovers" in row["name_en"]
        assert not record.claims or [c.verdict for c in record.claims][-1] == "unknown"
    report = run.artifact("report.html").read_text(encoding="utf-8")
    assert "<s>" in report and "lovers" in report
    figures = run.stage_record("explanation")
    assert figures is not None and figures.figures["claims"]["unknown"] >= 1
    # asked once: the answers are kept, so that a renamed segment costs nothing and changes no other name
    asked = len(server.asked)
    rename_segment(run.path, "S01", SUNDAY)
    again = rows(run_pipeline(config, run.path))
    assert again[0]["name_en"] == SUNDAY.en
    assert [row["name_en"] for row in again[1:]] == [row["name_en"] for row in rows(run)[1:]]
    assert len(server.asked) == asked


@needs_openai
def test_a_silent_endpoint_leaves_the_names_by_rules(
    serve: Any, log: Any, configure: Callable[..., Any], named: tuple[Any, Run], tmp_path: Path
) -> None:
    server = serve(lambda asked: 503)
    config = configure(log, "segmentation.k=3", f"naming={{model: told, base_url: '{server.url}'}}")
    run = run_pipeline(config, tmp_path / "run")
    assert [row["name_en"] for row in rows(run)] == [row["name_en"] for row in rows(named[1])]
    records = [Naming.model_validate_json(row["naming"]) for row in rows(run)]
    assert {record.source for record in records} == {"rules"} and {r.reason for r in records} == {
        "http",
        "given_up",
    }
    assert "refused" in run.artifact("report.html").read_text(encoding="utf-8")


def test_a_persons_name_survives_reruns(named: tuple[Any, Run]) -> None:
    config, run = named
    before = rows(run)
    rename_segment(run.path, "S02", SUNDAY)
    shown = rows(run)
    assert (shown[1]["name_en"], shown[1]["name_zh"]) == (SUNDAY.en, SUNDAY.zh)
    record = Naming.model_validate_json(shown[1]["naming"])
    assert record.source == "person" and record.rule_en == before[1]["name_en"]
    assert SUNDAY.en in run.artifact("report.html").read_text(encoding="utf-8")
    after = rows(run_pipeline(config, run.path))
    assert after == shown
    chinese = config.model_copy(update={"report": config.report.model_copy(update={"language": "zh"})})
    assert rows(run_pipeline(chinese, run.path))[1]["name"] == SUNDAY.zh
    assert read_given(run) == {"S02": GivenName(en=SUNDAY.en, zh=SUNDAY.zh)}


def test_a_name_follows_its_people_and_rests_without_them(named: tuple[Any, Run], tmp_path: Path) -> None:
    _, run = named
    rename_segment(run.path, "S01", SUNDAY)
    table = pq.read_table(run.artifact("memberships.parquet"))
    users = table["user_id"].to_pylist()
    ids = sorted(set(table["segment_id"].to_pylist()))
    labels = np.array([ids.index(s) for s in table["segment_id"].to_pylist()])
    swapped = np.array([1, 0, 2])[labels]
    given = read_given(run)
    at, resting = placed(run, ids, swapped, users)
    assert at[1].en == given["S01"].en and "S01" not in resting
    scattered = np.random.default_rng(0).permutation(labels)
    at, resting = placed(run, ids, scattered, users)
    assert not at and "S01" in resting
    run.artifact("work/named.json").rename(tmp_path / "named.json")
    assert placed(run, ids, scattered, users)[0][0].en == given["S01"].en  # it came with its id
    (tmp_path / "named.json").rename(run.artifact("work/named.json"))


def test_likeness_of_large_sets_is_estimated() -> None:
    one, other = sketch(range(30_000)), sketch(range(10_000, 40_000))
    assert likeness(one, other) == pytest.approx(0.5, abs=0.07)


def test_what_segments_give_away_is_measured_and_said(named: tuple[Any, Run]) -> None:
    run = named[1]
    found = {metric.name: metric for metric in run.read_model("metrics.json", Metrics).metrics}
    auc, chance = found["fairness.kind.auc"], found["fairness.kind.auc_chance"]
    assert auc.value is not None and chance.high is not None and auc.value > chance.high
    record = run.stage_record("evaluation")
    assert record is not None and record.figures["fairness"]["kind"]["verdict"] == "stands_in"
    report = run.artifact("report.html").read_text(encoding="utf-8")
    assert 'id="fairness"' in report and "Segments stand in for Kind" in report and "分群几乎等同于Kind" in report


def test_sensitive_must_be_a_label_or_an_attribute(log: Any, configure: Callable[..., Any]) -> None:
    with pytest.raises(ConfigError, match="neither a label nor in data"):
        configure(log, "fairness.sensitive=[height]")
