"""Contexts through the whole road: the users of two contexts are found, others are not; off, there is nothing."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from fenqun import schema
from fenqun.config import Config
from fenqun.data.synthetic import SyntheticLog, make_log
from fenqun.errors import ConfigError
from fenqun.pipeline import run_pipeline
from fenqun.pipeline.contexts import NO_HOURS, NOT_LEARNED, Placing
from fenqun.pipeline.phases import Phases
from fenqun.report.notices import notice
from fenqun.schema import ContextTable
from fenqun.settings import load_config
from fenqun.store import Run

Configure = Callable[..., Config]
ASKED = ("contexts=[device, weekend, session, daypart]", "behaviour.intent.backbone=none")


@pytest.fixture(scope="module")
def two_sided() -> SyntheticLog:
    return make_log(n_users=150, n_items=36, n_types=3, events_per_user=70, two_contexts=0.3)


@pytest.fixture(scope="module")
def found(two_sided: SyntheticLog, configure: Configure, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_pipeline(configure(two_sided, *ASKED), tmp_path_factory.mktemp("contexts") / "run")


def test_users_of_two_contexts_are_found_where_they_differ(found: Run, two_sided: SyntheticLog) -> None:
    table = found.read_table("contexts.parquet")
    assert table.schema.equals(schema.contexts(pa.string()))
    second = {row["user_id"]: row["second_type"] is not None for row in two_sided.types.to_pylist()}
    rows = table.to_pylist()
    said = {row["user_id"] for row in rows if row["context"] == "device" and row["differs"]}
    assert len([user for user in said if second[user]]) > 0.6 * sum(second.values())
    assert len([user for user in said if not second[user]]) <= 0.25 * len(said)
    assert not [
        row for row in rows if row["context"] == "weekend" and row["differs"] and not second[row["user_id"]]
    ]


def test_those_who_differ_lie_in_the_segment_of_what_they_do_there(found: Run, two_sided: SyntheticLog) -> None:
    types = {row["user_id"]: row for row in two_sided.types.to_pylist()}
    members = {row["user_id"]: row["segment_id"] for row in found.read_table("memberships.parquet").to_pylist()}
    plain = [(types[u]["type"], s) for u, s in members.items() if types[u]["second_type"] is None]
    usual = {t: max({s for _, s in plain}, key=lambda s, t=t: plain.count((t, s))) for t in range(3)}
    right = [
        row["segment_id"] == usual[types[row["user_id"]]["second_type"]]
        for row in found.read_table("contexts.parquet").to_pylist()
        if row["context"] == "device" and row["value"] == "laptop" and row["differs"]
        if types[row["user_id"]]["second_type"] is not None
    ]
    assert len(right) > 15 and np.mean(right) > 0.7


def test_the_table_of_segments_adds_up(found: Run) -> None:
    table = found.read_model("contexts.json", ContextTable)
    assert [total.context for total in table.totals] == ["device", "weekend", "session", "daypart"]
    for total in table.totals:
        own = [one for one in table.segments if one.context == total.context]
        assert len(own) == 3
        assert sum(one.tested for one in own) == total.tested <= total.users
        assert sum(one.differ for one in own) == total.differ
    assert any(value.categories for one in table.segments for value in one.values)


def test_rows_are_complete_and_weights_sum_to_one(found: Run) -> None:
    rows = found.read_table("contexts.parquet").to_pylist()
    ids = set(found.read_table("segments.parquet")["segment_id"].to_pylist())
    for row in rows:
        assert row["events"] >= 5 and 1 <= row["visits"] <= row["events"]
        assert {one["segment_id"] for one in row["weights"]} == ids
        assert sum(one["weight"] for one in row["weights"]) == pytest.approx(1, abs=1e-5)
        assert (row["p"] is None) == (row["q"] is None) and (row["p"] is not None or not row["differs"])
    assert len({(row["user_id"], row["context"], row["value"]) for row in rows}) == len(rows)


def test_all_of_a_users_events_place_them_where_they_are(found: Run) -> None:
    phases = Phases(load_config(found.require("config.yaml")), found)
    placing = Placing(phases)
    assigned = placing.place(np.arange(phases.store.n_users), phases.counts("final"))
    published = found.read_table("memberships.parquet")["segment_id"].to_pylist()
    assert [placing.segmentation.ids[label] for label in assigned.labels] == published


def test_neither_the_order_of_rows_nor_names_change_anything(
    found: Run, two_sided: SyntheticLog, configure: Configure, tmp_path_factory: pytest.TempPathFactory
) -> None:
    random = np.random.default_rng(3)
    users = two_sided.users["user_id"].to_pylist()
    names = dict(zip(users, [f"n{i:x}" for i in random.permutation(len(users)) * 7919], strict=True))

    def changed(name: str) -> pa.Table:
        table: pa.Table = getattr(two_sided, name)
        table = table.take(pa.array(random.permutation(table.num_rows)))
        for i, column in enumerate(table.column_names):
            if column in ("user_id", "friend_id"):
                table = table.set_column(i, column, pa.array([names[user] for user in table[column].to_pylist()]))
        return table

    other = dataclasses.replace(
        two_sided, **{name: changed(name) for name in ("events", "items", "users", "links")}
    )
    run = run_pipeline(configure(other, *ASKED), tmp_path_factory.mktemp("renamed") / "run")
    ours = [{**row, "user_id": names[row["user_id"]]} for row in found.read_table("contexts.parquet").to_pylist()]
    assert ours == run.read_table("contexts.parquet").to_pylist()
    assert found.read_json("contexts.json") == run.read_json("contexts.json")


def test_the_report_says_it_in_both_languages(found: Run) -> None:
    page = found.artifact("report.html").read_text(encoding="utf-8")
    assert '<section id="contexts">' in page
    assert "behave differently by device" in page and "按device行为不同" in page


@pytest.fixture(scope="module")
def copied(found: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The same run once more, to be gone on with."""
    path = tmp_path_factory.mktemp("copied") / "run"
    shutil.copytree(found.path, path)
    return Run(path)


def test_switched_off_it_leaves_nothing_and_other_stages_stay(copied: Run) -> None:
    before = {stage.name: stage.fingerprint for stage in copied.read_manifest().stages}
    run = run_pipeline(load_config(copied.require("config.yaml"), ("contexts=[]",)), copied.path)
    after = {stage.name: stage.fingerprint for stage in run.read_manifest().stages}
    assert {name for name in after if after[name] != before[name]} == {"contexts", "report"}
    assert not run.artifact("contexts.parquet").exists() and not run.artifact("contexts.json").exists()
    assert '<section id="contexts">' not in run.artifact("report.html").read_text(encoding="utf-8")


def test_where_nobody_has_enough_events_the_tables_are_empty(copied: Run) -> None:
    asked = ("contexts.by=[device]", "contexts.min_events=500")
    run = run_pipeline(load_config(copied.require("config.yaml"), asked), copied.path)
    assert run.read_table("contexts.parquet").num_rows == 0
    (total,) = run.read_model("contexts.json", ContextTable).totals
    assert (total.users, total.tested, total.differ) == (0, 0, 0)
    assert "No segment holds a user" in run.artifact("report.html").read_text(encoding="utf-8")


def test_segments_without_taste_have_no_contexts(copied: Run) -> None:
    asked = ("contexts=[weekend]", "strategy=rfm")
    run = run_pipeline(load_config(copied.require("config.yaml"), asked), copied.path)
    assert not run.artifact("contexts.parquet").exists()
    record = run.stage_record("contexts")
    assert record is not None and record.figures["notice"] == NOT_LEARNED
    assert all(notice(text).zh != text for text in (NOT_LEARNED, NO_HOURS))


def test_settings_say_what_is_wrong() -> None:
    events: dict[str, Any] = {"path": "log.csv", "user": "u", "time": "t", "context": ["device"]}
    assert load_config({"data": {"events": events}, "contexts": "device"}).contexts.by == ("device",)
    with pytest.raises(ConfigError, match="contexts names shop: neither daypart, weekend, session nor a column"):
        load_config({"data": {"events": events}, "contexts": ["weekend", "shop"]})
    with pytest.raises(ConfigError, match="twice"):
        load_config({"data": {"events": events}, "contexts": ["weekend", "weekend"]})
