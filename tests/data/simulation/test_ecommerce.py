"""A simulated shop: steps of a purchase, prices, promotions, and tiers of known value."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fenqun.data.simulation import Shop
from fenqun.data.simulation.ecommerce import BUY, CART, PREMIUM, RETURN, TIERS
from fenqun.data.simulation.shop import DISCOUNT


@pytest.fixture(scope="module")
def shop() -> Shop:
    return Shop(users=1024, per_user=120)


@pytest.fixture(scope="module")
def events(shop: Shop) -> pd.DataFrame:
    block = shop.block(0)
    events = (
        block["events"].to_pandas().merge(block["truth"].to_pandas()[["user_id", "type", "tier"]], on="user_id")
    )
    return events.merge(shop.shared()["items"].to_pandas(), on="item_id")


def test_only_purchases_have_a_value_and_only_views_a_length(events: pd.DataFrame) -> None:
    assert (events["value"].notna() == (events["event_type"] == "purchase")).all()
    assert (events["duration"].notna() == (events["event_type"] == "view")).all()
    assert events["value"].min() > 0


def test_what_is_paid_is_the_price_less_the_promotion(shop: Shop, events: pd.DataFrame) -> None:
    bought = events[events["event_type"] == "purchase"]
    price = bought["price"] * np.where(bought["promotion"], 1 - DISCOUNT, 1) * bought["quantity"]
    assert np.allclose(bought["value"], price, atol=0.006)
    promotions = shop.shared()["promotions"].to_pandas()
    inside = bought.merge(promotions, on="category")
    inside = inside[(inside["timestamp"] >= inside["starts"]) & (inside["timestamp"] < inside["ends"])]
    keys = ["user_id", "item_id", "timestamp"]
    assert set(map(tuple, inside[keys].to_numpy())) == set(map(tuple, bought[bought["promotion"]][keys].to_numpy()))


def test_tiers_do_what_the_parameters_say(events: pd.DataFrame, shop: Shop) -> None:
    prices = shop.world.dear[events["item_id"].str[1:].astype(int)]
    for tier, premium, cart, buy, back in zip(TIERS, PREMIUM, CART, BUY, RETURN, strict=True):
        of = events["tier"] == tier
        kinds = {kind: of & (events["event_type"] == kind) for kind in ("view", "cart", "purchase", "return")}
        n = {kind: rows.sum() for kind, rows in kinds.items()}
        assert prices[kinds["view"]].mean() == pytest.approx(premium, abs=0.02)
        assert n["cart"] / n["view"] == pytest.approx(cart, abs=0.02)
        for promoted in (0, 1):
            on = events["promotion"] == bool(promoted)
            share = (kinds["purchase"] & on).sum() / (kinds["cart"] & on).sum()
            assert share == pytest.approx(buy[promoted], abs=0.06)
        assert n["return"] / n["purchase"] == pytest.approx(back, abs=0.03)  # some come after the log


def test_returns_follow_a_purchase_of_the_same_item(events: pd.DataFrame) -> None:
    first = events[events["event_type"] == "purchase"].groupby(["user_id", "item_id"])["timestamp"].min()
    back = events[events["event_type"] == "return"].set_index(["user_id", "item_id"])["timestamp"]
    assert ((back - first.reindex(back.index)) > pd.Timedelta(days=2)).all()


def test_high_value_spends_most_afterwards_and_potential_rises(shop: Shop, events: pd.DataFrame) -> None:
    spend = shop.figures(shop.block(0)["truth"])["future_spend_by_tier"]
    assert spend["high"] > 1.5 * spend["potential"] > 1.5 * 1.5 * spend["ordinary"]
    late = events["timestamp"] >= events["timestamp"].min() + pd.Timedelta(days=91)
    shares = {tier: late[events["tier"] == tier].mean() for tier in TIERS}
    assert shares["potential"] > 0.75 and 0.4 < shares["ordinary"] < 0.55


def test_types_like_their_category(events: pd.DataFrame, shop: Shop) -> None:
    views = events[(events["event_type"] == "view") & (events["device"] == "phone")]
    tops = views.groupby("type")["category"].agg(lambda names: names.value_counts().index[0])
    assert (tops == tops.index.str.replace(r" \d$", "", regex=True)).all()


def test_second_interests_show_on_the_laptop() -> None:
    block = (shop := Shop(users=1024)).block(0)
    truth = block["truth"].to_pandas().dropna(subset="second_type")
    events = block["events"].to_pandas().merge(truth, on="user_id")
    events = events.merge(shop.shared()["items"].to_pandas(), on="item_id")
    for device, kind in (("phone", "type"), ("laptop", "second_type")):
        rows = events[events["device"] == device]
        assert (rows["category"] == rows[kind].str.replace(r" \d$", "", regex=True)).mean() > 0.55
