"""What holds in every simulated scenario: seeds, blocks, sizes, shares, ids, and a truth that can be found."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from fenqun.data.simulation import SIMULATIONS, Simulation
from fenqun.data.simulation.base import BLOCK
from fenqun.errors import ConfigError

NAMES = sorted(SIMULATIONS)
LEAST_ARI = {
    "ecommerce": {"type": 0.97, "tier": 0.70},
    "social": {"type": 0.90, "circle": 0.85, "tier": 0.40},
    "education": {"type": 0.85, "tier": 0.08},
    "finance": {"type": 0.94, "tier": 0.88},
}
"""What a best guess reaches with 60 events a user."""


def simulated(name: str, **asked: Any) -> Simulation:
    return SIMULATIONS[name](**asked)


def whole(simulation: Simulation) -> dict[str, pa.Table]:
    blocks = list(simulation.stream())
    return {name: pa.concat_tables([block[name] for block in blocks]) for name in blocks[0]}


@pytest.fixture(scope="module", params=NAMES)
def case(request: pytest.FixtureRequest) -> tuple[Simulation, dict[str, pa.Table]]:
    simulation = simulated(request.param)
    return simulation, whole(simulation)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_tables(name: str) -> None:
    one, again, other = (simulated(name, users=60, seed=seed) for seed in (3, 3, 4))
    for table, rows in {**one.shared(), **one.block(0)}.items():
        assert rows.equals({**again.shared(), **again.block(0)}[table]), table
    assert not one.block(0)["events"].equals(other.block(0)["events"])


@pytest.mark.parametrize("name", NAMES)
def test_a_block_hangs_on_no_other_block(name: str) -> None:
    """So blocks can be drawn anywhere, in any order, and a larger simulation goes on from a smaller one."""
    few, many = simulated(name, users=BLOCK + 7), simulated(name, users=3 * BLOCK)
    assert few.blocks == 2
    later = many.block(2)
    for table, rows in few.block(0).items():
        assert rows.equals(many.block(0)[table]), table
    assert min(later["users"]["user_id"].to_pylist()) == f"u{2 * BLOCK:07d}"
    with pytest.raises(IndexError):
        few.block(2)


@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from(NAMES),
    st.integers(1, 40),
    st.floats(40, 150),
    st.integers(0, 99),
    st.sampled_from(["en", "zh"]),
)
def test_any_size_is_consistent(name: str, users: int, per_user: float, seed: int, language: str) -> None:
    simulation = simulated(name, users=users, per_user=per_user, seed=seed, language=language)
    tables = {**simulation.shared(), **whole(simulation)}
    events, ids = tables["events"], set(tables["users"]["user_id"].to_pylist())
    assert len(ids) == tables["users"].num_rows == tables["truth"].num_rows == users
    assert set(events["user_id"].to_pylist()) == ids
    assert set(events["item_id"].to_pylist()) <= set(tables["items"]["item_id"].to_pylist())
    assert events["timestamp"].null_count == events["event_type"].null_count == 0
    keys = ["user_id", "item_id", "timestamp", "event_type", "session"]
    assert events.group_by(keys).aggregate([]).num_rows == events.num_rows


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("per_user", [45, 200])
def test_as_many_events_as_asked(name: str, per_user: int) -> None:
    events = whole(simulated(name, users=1500, per_user=per_user))["events"]
    assert events.num_rows / 1500 == pytest.approx(per_user, rel=0.06)


def test_sessions_belong_to_one_user_and_do_not_last_for_days(case: Any) -> None:
    events = case[1]["events"]
    spans = events.group_by("session").aggregate(
        [("user_id", "count_distinct"), ("timestamp", "min"), ("timestamp", "max")]
    )
    assert pc.max(spans["user_id_count_distinct"]).as_py() == 1
    length = spans["timestamp_max"].to_numpy() - spans["timestamp_min"].to_numpy()
    assert length.max() < np.timedelta64(3, "h")


def test_shares_are_as_asked(case: Any) -> None:
    simulation, tables = case
    truth = tables["truth"]
    types, interests = truth["type"].to_numpy(zero_copy_only=False), simulation.interests
    for name, size in zip(interests.names, interests.sizes, strict=True):
        assert (types == name).mean() == pytest.approx(size, abs=0.04)
    second = truth["second_type"].to_numpy(zero_copy_only=False)
    two = np.array([name is not None for name in second])
    assert two.mean() == pytest.approx(interests.two_sided, abs=0.03)
    assert (types[two] != second[two]).all()
    parameters = simulation.parameters()
    if "tier_shares" in parameters:
        tiers = truth["tier"].to_numpy(zero_copy_only=False)
        for tier, share in zip(parameters["tiers"], parameters["tier_shares"], strict=True):
            assert (tiers == tier).mean() == pytest.approx(share, abs=0.04)


def test_the_truth_can_be_found_by_who_knows_the_parameters(case: Any) -> None:
    simulation, tables = case
    figures = simulation.figures(tables["truth"])
    for name, least in LEAST_ARI[simulation.scenario].items():
        assert figures[name]["ari"] >= least, (name, figures[name])


@pytest.mark.parametrize("name", ["ecommerce", "social", "finance"])  # courses are told by weeks, not by views
def test_more_events_tell_more(name: str) -> None:
    few, many = (simulated(name, users=1000, per_user=n) for n in (40, 150))
    found = [s.figures(s.block(0)["truth"])["type"]["ari"] for s in (few, many)]
    assert found[0] < found[1]


def test_labels_are_those_of_the_truth(case: Any) -> None:
    simulation, tables = case
    tree = simulation.settings()
    described = {"user_id", *tree["labels"], *tree["data"]["users"]["attributes"]}
    assert set(tables["users"].column_names) == described
    for label in set(tree["labels"]) & set(tables["truth"].column_names):
        assert tables["users"][label].equals(tables["truth"][label])
    assert not set(tree["labels"]) & set(tree["data"]["users"]["attributes"])
    assert "truth" not in str(tree["data"])


def test_tiers_and_types_have_no_bearing_on_attributes(case: Any) -> None:
    simulation, tables = case
    users = tables["users"].to_pandas()
    for attribute in simulation.settings()["data"]["users"]["attributes"]:
        for label in ("type", "tier"):
            table = users.groupby([attribute, label]).size().unstack(fill_value=0)
            table = table[table.sum(axis=1) > 20]
            assert chi2_contingency(table).pvalue > 1e-4, (attribute, label)


@pytest.mark.parametrize("name", NAMES)
def test_titles_are_in_the_language_and_tell_items_apart(name: str) -> None:
    for language in ("en", "zh"):
        titles = simulated(name, language=language).shared()["items"]["title"].to_pylist()
        chinese = [bool(re.search("[\u4e00-\u9fff]", title)) for title in titles]
        assert all(chinese) if language == "zh" else not any(chinese)
        if name != "ecommerce":  # two offers of a shop may carry the same words
            assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("bad", [{"users": 0}, {"per_user": 1.0}, {"seed": -1}])
@pytest.mark.parametrize("name", NAMES)
def test_bad_sizes(name: str, bad: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="; "):
        simulated(name, **bad)


@pytest.mark.parametrize("name", ["ecommerce", "social"])
def test_a_catalogue_can_be_too_small(name: str) -> None:
    with pytest.raises(ConfigError, match="48 or more"):
        simulated(name, items=5)
