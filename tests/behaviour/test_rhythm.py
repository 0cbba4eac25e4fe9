"""Forecasts learned on earlier cuts, and the rhythm block."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from fenqun.behaviour.forecast import Forecast
from fenqun.behaviour.next_category import NextCategory
from fenqun.behaviour.rhythm import RhythmEncoder
from fenqun.data.category_history import CategoryHistory
from fenqun.data.cuts import Cut
from fenqun.errors import RunError

NAMES = ["bread", "fruit", "milk", "tea"]


def drawn(n: int, seed: int, time: int = 0) -> Cut:
    """Users whose rate says how many events and how much value follow, and whose favourite stays theirs."""
    random = np.random.default_rng(seed)
    rate = random.gamma(1.0, 3.0, n)
    past, events = random.poisson(6 * rate) + 1, random.poisson(rate)
    favourite = random.integers(0, len(NAMES), n)
    counts = random.poisson(1.0, (n, len(NAMES))).astype(float)
    counts[np.arange(n), favourite] += 5
    profiles = pa.table(
        {
            "user_id": np.arange(n),
            "n_events": past,
            "recency_days": random.exponential(30 / past),
            "monetary": past * 10.0,
            "gap_cv": pa.array(random.random(n), mask=random.random(n) < 0.3),
        }
    )
    user, code = np.nonzero(counts)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(user, minlength=n))])
    count = counts[user, code]
    history = CategoryHistory(
        NAMES, (86400.0,), offsets, code.astype(np.int32), count, count[:, None] / 2, random.random(len(count))
    )
    outcomes = {
        "active": (events > 0).astype(float),
        "events": events.astype(float),
        "value": events * random.gamma(2.0, 5.0, n),
    }
    stays = np.where(random.random(n) < 0.9, favourite, random.integers(0, len(NAMES), n))
    plan = np.where(random.random(n) < 0.1, None, np.where(rate > 2, "gold", "blue"))
    category = np.where(events > 0, stays, -1).astype(np.int32)
    return Cut(time, 100, np.arange(n), profiles, history, outcomes, category, {"plan": plan})


@pytest.fixture(scope="module")
def cuts() -> list[Cut]:
    return [drawn(500, 1), drawn(600, 2, 100)]


@pytest.fixture(scope="module")
def forecast(cuts: list[Cut]) -> Forecast:
    return Forecast(seed=3).fit(cuts)


def test_forecasts_say_what_follows(forecast: Forecast) -> None:
    later = drawn(2000, 9)
    found = forecast.predict(later.profiles, later.history)
    assert set(found.values) == {"value", "typical_value", "events", "active", "target_plan"}
    assert found.probabilities == {"active", "target_plan"}
    for name in ("value", "events"):
        truth = later.outcomes[name]
        error = ((truth - found.values[name]) ** 2).sum() / ((truth - truth.mean()) ** 2).sum()
        assert error < 0.75, name
        # Expectations, not only an order.
        assert found.values[name].mean() == pytest.approx(truth.mean(), rel=0.15)
    active = later.outcomes["active"]
    assert np.mean((active - found.values["active"]) ** 2) < 0.8 * active.var()
    gold = np.asarray([plan == "gold" for plan in later.targets["plan"]])
    assert found.values["target_plan"][gold].mean() > 0.6 > 0.4 > found.values["target_plan"][~gold].mean()
    for name in forecast.outcomes_:
        figures = forecast.figures_[name]
        assert figures["trees"] > 0
        assert 0 < figures["later"]["n"] <= 600


def test_the_next_category_is_told(forecast: Forecast) -> None:
    later = drawn(1000, 9)
    found = forecast.predict(later.profiles, later.history)
    assert set(found.category_names) == set(NAMES)
    np.testing.assert_allclose(found.category.sum(axis=1), 1.0)
    known = later.category >= 0
    told = np.asarray([NAMES.index(name) for name in found.category_names])[found.category.argmax(axis=1)]
    accuracy = np.mean(told[known] == later.category[known])
    assert accuracy > 0.8
    assert found.category.max(axis=1)[known].mean() == pytest.approx(accuracy, abs=0.06)


def test_one_user_and_a_batch_agree(forecast: Forecast) -> None:
    later = drawn(30, 9)
    every = forecast.predict(later.profiles, later.history)
    assert later.history is not None
    one = forecast.predict(later.profiles.slice(7, 1), later.history.take(np.asarray([7])))
    for name, values in every.values.items():
        assert one.values[name][0] == values[7]
    np.testing.assert_array_equal(one.category[0], every.category[7])


def test_the_same_twice_and_after_storing(cuts: list[Cut], forecast: Forecast, tmp_path: Path) -> None:
    later = drawn(200, 9)
    forecast.save(tmp_path)
    first = forecast.predict(later.profiles, later.history)
    for other in (Forecast.load(tmp_path), Forecast(seed=3).fit(cuts)):
        again = other.predict(later.profiles, later.history)
        for name, values in first.values.items():
            np.testing.assert_array_equal(again.values[name], values)
        np.testing.assert_array_equal(again.category, first.category)
        assert other.figures_ == forecast.figures_
    (tmp_path / "forecast.json").write_text("{}", encoding="utf-8")
    with pytest.raises(RunError, match="no readable forecasts"):
        Forecast.load(tmp_path)


def test_further_vectors_are_kept_only_where_they_help(cuts: list[Cut]) -> None:
    random = np.random.default_rng(0)
    telling = [
        np.log1p(cut.outcomes["value"])[:, None] + random.normal(0, 0.3, (len(cut.users), 1)) for cut in cuts
    ]
    noise = [random.normal(size=(len(cut.users), 3)) for cut in cuts]
    helped = Forecast(seed=3).fit(cuts, telling)
    assert helped.uses_extra
    assert helped.figures_["value"]["extra"]["low"] > 0
    with pytest.raises(RunError, match="further vectors"):
        helped.predict(cuts[0].profiles, cuts[0].history)
    assert helped.predict(cuts[0].profiles, cuts[0].history, telling[0]).values["value"].shape == (500,)
    assert not Forecast(seed=3).fit(cuts, noise).uses_extra


def test_nothing_to_tell_apart(cuts: list[Cut]) -> None:
    n = len(cuts[0].users)
    still = {"active": np.zeros(n), "events": np.zeros(n), "value": np.zeros(n)}
    cut = Cut(0, 100, cuts[0].users, cuts[0].profiles, cuts[0].history, still, np.full(n, -1, dtype=np.int32), {})
    found = Forecast().fit([cut]).predict(cut.profiles, cut.history)
    assert all((values == 0).all() or np.allclose(values, 0, atol=1e-5) for values in found.values.values())
    assert found.category.shape == (n, 0)
    few = cuts[0].history
    assert few is not None
    assert NextCategory().fit([cut], 0).predict(few).shape == (n, 0)


# -- the block ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def encoder(cuts: list[Cut]) -> RhythmEncoder:
    return RhythmEncoder(seed=3).fit(cuts[1].profiles, cuts[1].history, cuts)


def test_the_block_is_aggregates_and_forecasts(encoder: RhythmEncoder, cuts: list[Cut]) -> None:
    block = encoder.transform(cuts[1].profiles, cuts[1].history)
    assert block.dtype == np.float64
    assert np.isfinite(block).all()
    assert block.shape == (600, len(encoder.names_))
    assert encoder.names_[:4] == ["n_events", "recency_days", "monetary", "gap_cv"]
    assert {"forecast_value", "forecast_active", "next_tea"} <= set(encoder.names_[4:])
    forecasts = block[:, 4:]
    # Together the forecasts vary as much as four aggregates of variance 1; the categories as much as one forecast.
    told = np.asarray([name.startswith("next_") for name in encoder.names_[4:]])
    assert forecasts.var(axis=0).sum() == pytest.approx(4, rel=0.1)
    assert forecasts[:, told].var(axis=0).sum() == pytest.approx(forecasts[:, 0].var(), rel=0.2)
    assert encoder.predictions(cuts[1].profiles, cuts[1].history).values["value"].min() >= 0


def test_a_user_without_events_is_average(encoder: RhythmEncoder, cuts: list[Cut]) -> None:
    nobody = pa.table(
        {
            "user_id": [1],
            "n_events": [0],
            "recency_days": pa.nulls(1, pa.float64()),
            "monetary": pa.nulls(1, pa.float64()),
            "gap_cv": pa.nulls(1, pa.float64()),
        }
    )
    none = CategoryHistory(
        NAMES, (86400.0,), np.zeros(2, np.int64), np.zeros(0, np.int32), np.zeros(0), np.zeros((0, 1)), np.zeros(0)
    )
    assert (encoder.transform(nobody, none)[0, 4:] == 0).all()


def test_the_block_is_stored(encoder: RhythmEncoder, cuts: list[Cut], tmp_path: Path) -> None:
    encoder.save(tmp_path)
    again = RhythmEncoder.load(tmp_path)
    np.testing.assert_array_equal(
        again.transform(cuts[0].profiles, cuts[0].history), encoder.transform(cuts[0].profiles, cuts[0].history)
    )
    assert again.names_ == encoder.names_
    with pytest.raises(RunError, match="categories are missing"):
        again.transform(cuts[0].profiles)
    (tmp_path / "rhythm.json").unlink()
    with pytest.raises(RunError, match="no readable rhythm"):
        RhythmEncoder.load(tmp_path)


def test_without_cuts_it_is_aggregates_alone(cuts: list[Cut], tmp_path: Path) -> None:
    encoder = RhythmEncoder().fit(cuts[0].profiles)
    assert encoder.names_ == ["n_events", "recency_days", "monetary", "gap_cv"]
    assert not encoder.reads_categories
    with pytest.raises(RunError, match="nothing is forecast"):
        encoder.predictions(cuts[0].profiles)
    encoder.save(tmp_path)
    np.testing.assert_array_equal(
        RhythmEncoder.load(tmp_path).transform(cuts[0].profiles), encoder.transform(cuts[0].profiles)
    )
