"""A simulated feed: impressions with exact propensities, reactions, items that are forgotten, friends."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from fenqun.data.simulation import Feed
from fenqun.data.simulation.feed import EXAMINED, REACTIONS, SLOTS


@pytest.fixture(scope="module")
def feed() -> Feed:
    return Feed(users=2048, per_user=100, language="zh")


@pytest.fixture(scope="module")
def tables(feed: Feed) -> dict[str, pd.DataFrame]:
    blocks = list(feed.stream())
    return {name: pd.concat([block[name].to_pandas() for block in blocks]) for name in blocks[0]} | {
        name: table.to_pandas() for name, table in feed.shared().items()
    }


def test_the_feed_of_news_entertainment_and_sports_is_there(feed: Feed) -> None:
    assert feed.interests.names[:3] == ("新闻", "娱乐", "体育")


def test_impressions_have_the_columns_of_logged_feedback(tables: dict[str, pd.DataFrame]) -> None:
    shown = tables["impressions"]
    assert list(shown) == ["user", "item", "time", "position", "clicked", "converted", "propensity", "policy"]
    assert set(shown["position"]) == set(range(1, SLOTS + 1))
    assert shown["propensity"].between(0, 1, inclusive="right").all()
    assert not (shown["converted"] & ~shown["clicked"]).any()
    assert 0 < shown["converted"].mean() < shown["clicked"].mean() < 0.2


def test_clicks_are_views_of_the_log(tables: dict[str, pd.DataFrame]) -> None:
    shown, events = tables["impressions"], tables["events"]
    views = events[events["event_type"] == "view"]
    clicks = shown[shown["clicked"]]
    both = clicks.merge(views, left_on=["user", "item"], right_on=["user_id", "item_id"])
    both = both[(both["timestamp"] - both["time"]) == pd.Timedelta(seconds=1)]
    assert len(both) >= len(clicks)


def test_uniform_logs_recover_the_true_click_through_of_both_policies(
    feed: Feed, tables: dict[str, pd.DataFrame]
) -> None:
    truth = pa.Table.from_pandas(tables["truth"], preserve_index=False)
    true = feed.figures(truth)["click_through"]
    shown = tables["impressions"]
    for policy in ("uniform", "popular"):
        seen = shown[shown["policy"] == policy]["clicked"]
        assert seen.mean() == pytest.approx(true[policy], abs=4 * seen.std() / np.sqrt(len(seen)) + 0.001)
    # Inverse propensities: what the popular policy would have got, from the uniform log alone.
    uniform = shown[shown["policy"] == "uniform"]
    item = uniform["item"].str[1:].astype(int).to_numpy()
    day = (uniform["time"] - pd.Timestamp("2024-01-01")).dt.days.to_numpy()
    weight = feed.world.popular.shares[day, item] / uniform["propensity"].to_numpy()
    gained = weight * uniform["clicked"].to_numpy()
    assert weight.mean() == pytest.approx(1, abs=0.05)
    assert gained.mean() == pytest.approx(true["popular"], abs=4 * gained.std() / np.sqrt(len(gained)))
    assert true["topic"] > 2 * true["popular"]


def test_lower_positions_are_looked_at_less(tables: dict[str, pd.DataFrame]) -> None:
    rate = tables["impressions"].groupby("position")["clicked"].mean().to_numpy()
    assert np.allclose(rate / rate[0], EXAMINED, atol=0.06)


def test_news_are_forgotten_and_games_are_not(tables: dict[str, pd.DataFrame]) -> None:
    events = tables["events"].merge(tables["items"], on="item_id")
    age = (events["timestamp"] - events["published"]).dt.total_seconds() / 86_400
    assert age.min() >= 0
    median = age.groupby(events["category"]).median()
    assert median["新闻"] < 8 < 25 < median["游戏"]


def test_half_of_the_types_change_their_second_topic(tables: dict[str, pd.DataFrame], feed: Feed) -> None:
    events = tables["events"].merge(tables["items"], on="item_id").merge(tables["truth"], on="user_id")
    events = events[events["second_type"].isna()]
    late = events["timestamp"] > pd.Timestamp("2024-04-01")
    names = feed.interests.names
    for kind, name in enumerate(names):
        shares = [
            events[(events["type"] == name) & when]["category"].value_counts(normalize=True)
            for when in (~late, late)
        ]
        beginning, end = names[(kind + 1) % len(names)], names[(kind + 1 + kind % 2) % len(names)]
        if kind % 2:
            assert shares[1][end] > shares[0][end] and shares[1][beginning] < shares[0][beginning]
        else:
            assert shares[1][end] == pytest.approx(shares[0][end], abs=0.03)


def test_users_search_in_their_circle(tables: dict[str, pd.DataFrame]) -> None:
    events = tables["events"].merge(tables["items"], on="item_id").merge(tables["items_truth"], on="item_id")
    events = events.merge(tables["truth"], on="user_id", suffixes=("", "_of_user"))
    own = events["circle"].astype(str) == events["circle_of_user"].str[-1]
    assert own[events["event_type"] == "view"].mean() == pytest.approx(0.72, abs=0.03)  # the feed knows no circles
    by_category = events.groupby(["category", "circle"]).size().unstack()
    assert (by_category.div(by_category.sum(axis=1), axis=0) > 0.3).all().all()


def test_reactions_differ_by_type(feed: Feed, tables: dict[str, pd.DataFrame]) -> None:
    events = tables["events"].merge(tables["truth"], on="user_id")
    events = events[events["second_type"].isna() & (events["type"] == "新闻")]
    counts = events["event_type"].value_counts()
    for kind, rate in zip(REACTIONS, feed.world.reactions[0], strict=True):
        assert counts[kind] / counts["view"] == pytest.approx(rate, abs=0.015)


def test_friends_are_of_a_type_and_no_link_comes_twice(tables: dict[str, pd.DataFrame]) -> None:
    links, kinds = tables["links"], tables["truth"].set_index("user_id")["type"]
    one, other = (kinds[links[end]].to_numpy() for end in ("user_id", "friend_id"))
    assert 0.75 < (one == other).mean() < 0.95
    ends = {frozenset(pair) for pair in zip(links["user_id"], links["friend_id"], strict=True)}
    assert len(ends) == len(links) and all(len(pair) == 2 for pair in ends)
    assert set(links["user_id"]) | set(links["friend_id"]) <= set(kinds.index)
