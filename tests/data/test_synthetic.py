"""Synthetic logs hold the types that were planted in them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fenqun.data.simulation.words import BRANDS, CITIES, FORMS, QUALITIES, VOCABULARY
from fenqun.data.synthetic import SyntheticLog, make_log
from fenqun.settings import load_config


@pytest.fixture(scope="module")
def log() -> SyntheticLog:
    return make_log()


def test_the_same_seed_gives_the_same_log(log: SyntheticLog) -> None:
    again, other = make_log(), make_log(seed=8)
    for name in ("events", "items", "users", "links", "types"):
        assert getattr(log, name).equals(getattr(again, name)), name
    assert not log.events.equals(other.events)


@pytest.mark.parametrize(
    ("n_users", "n_items", "n_types", "per_user"), [(1, 1, 1, 1), (5, 3, 9, 2), (50, 200, 8, 30), (300, 8, 2, 10)]
)
def test_sizes(n_users: int, n_items: int, n_types: int, per_user: int) -> None:
    log = make_log(n_users, n_items, n_types, per_user)
    assert log.users.num_rows == log.types.num_rows == n_users
    assert log.items.num_rows == n_items
    assert set(log.events["user_id"].to_pylist()) == set(log.users["user_id"].to_pylist())
    assert set(log.events["item_id"].to_pylist()) <= set(log.items["item_id"].to_pylist())
    if n_users > 10:
        assert 0.6 * per_user < log.events.num_rows / n_users < 1.6 * per_user


def test_type_sizes_are_unequal_and_all_taken(log: SyntheticLog) -> None:
    sizes = Counter(log.types["type"].to_pylist())
    assert sorted(sizes) == [0, 1, 2, 3]
    assert sizes[0] > 1.5 * sizes[3]


def shares(log: SyntheticLog, users: set[str], device: str | None = None) -> dict[str, float]:
    category = dict(zip(log.items["item_id"].to_pylist(), log.items["category"].to_pylist(), strict=True))
    rows = zip(*(log.events[c].to_pylist() for c in ("user_id", "item_id", "device")), strict=True)
    seen = Counter(category[i] for u, i, d in rows if u in users and device in (None, d))
    return {name: n / seen.total() for name, n in seen.items()}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_type_has_its_category(language: str) -> None:
    log = make_log(language=language)
    tops = []
    for kind in range(4):
        members = {row["user_id"] for row in log.types.to_pylist() if row["type"] == kind}
        ranked = sorted(shares(log, members).items(), key=lambda pair: -pair[1])
        assert ranked[0][1] > 0.6
        tops.append(ranked[0][0])
    assert tops == list(VOCABULARY[language])[:4]


def test_two_contexts_follow_two_types() -> None:
    log = make_log(two_contexts=0.5)
    two = [row for row in log.types.to_pylist() if row["second_type"] is not None]
    assert 0.35 < len(two) / 300 < 0.65
    assert all(row["type"] != row["second_type"] for row in two)
    names = list(VOCABULARY["en"])
    members = {row["user_id"] for row in two if row["type"] == 0}
    second = next(row["second_type"] for row in two if row["type"] == 0)
    assert shares(log, members, "phone")[names[0]] > 0.6
    assert shares(log, members, "laptop")[names[second]] > 0.6


def test_values_are_of_purchases_only(log: SyntheticLog) -> None:
    for row in log.events.slice(0, 2000).to_pylist():
        assert (row["value"] is None) == (row["event_type"] != "purchase")
    assert min(log.events["value"].drop_null().to_pylist()) > 0


def test_friends_share_types_more_often_than_not(log: SyntheticLog) -> None:
    kind = dict(zip(log.types["user_id"].to_pylist(), log.types["type"].to_pylist(), strict=True))
    pairs = log.links.to_pylist()
    assert len(pairs) > 300
    assert all(row["user_id"] != row["friend_id"] for row in pairs)
    assert np.mean([kind[row["user_id"]] == kind[row["friend_id"]] for row in pairs]) > 0.6


def test_a_session_belongs_to_one_user_and_day(log: SyntheticLog) -> None:
    spans = pa.TableGroupBy(log.events, "session").aggregate(
        [("user_id", "count_distinct"), ("timestamp", "min"), ("timestamp", "max"), ("device", "count_distinct")]
    )
    assert set(spans["user_id_count_distinct"].to_pylist()) == {1}
    assert set(spans["device_count_distinct"].to_pylist()) == {1}
    lengths = spans["timestamp_max"].to_numpy() - spans["timestamp_min"].to_numpy()
    assert lengths.max() < np.timedelta64(30, "m")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_written_files_and_config(tmp_path: Path, language: str) -> None:
    log = make_log(n_users=20, language=language)
    config = load_config(log.write(tmp_path / "log"))
    assert config.labels == ("kind",)
    assert config.report.language == language
    for source, table in (
        (config.data.events, log.events),
        (config.data.items, log.items),
        (config.data.users, log.users),
    ):
        assert source is not None
        assert isinstance(source.path, str)
        assert pq.read_table(source.path).equals(table)


def test_ingested_tables_carry_utc_and_local_time() -> None:
    log = make_log(n_users=20, language="zh")
    events = log.ingested()["events"]
    behind = np.unique(events["local"].to_numpy() - events["timestamp"].to_numpy())
    assert behind.tolist() == [np.timedelta64(8, "h")]
    assert "kind" not in log.ingested()["users"].column_names


def test_both_languages_have_the_same_words() -> None:
    assert len(VOCABULARY["en"]) == len(VOCABULARY["zh"])
    assert [len(v) for v in VOCABULARY["en"].values()] == [len(v) for v in VOCABULARY["zh"].values()]
    for words in (BRANDS, QUALITIES, FORMS, CITIES):
        assert len(words["en"]) == len(words["zh"]) == len(set(words["zh"]))
