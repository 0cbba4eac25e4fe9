import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenqun.data.simulation.order import ITEMS_PER_CATEGORY, LEAVING, N_TASTES, STEPS, simulate
from fenqun.pipeline.context import Context
from fenqun.pipeline.phases import Phases
from fenqun.pipeline.reading import make_profiles, read_data
from fenqun.progress import Silent
from fenqun.settings import load_config
from fenqun.store import Run


def columns(log):
    return {name: log.events[name].to_numpy() for name in ("user_id", "item_id", "timestamp", "value")}


def steps_by_session(log):
    """Steps (0, 1, 2) of each session in their order, (sessions, 3), and the user of each session."""
    events = columns(log)
    step = events["item_id"] // ITEMS_PER_CATEGORY - N_TASTES
    kept = step >= 0
    return step[kept].reshape(-1, len(STEPS)), events["user_id"][kept].reshape(-1, len(STEPS))[:, 0]


@settings(max_examples=15)
@given(st.integers(1, 200), st.floats(0, 1), st.integers(0, 1000))
def test_every_user_has_20_to_60_events_in_order_and_every_session_each_step_once(n_users, order, seed):
    log = simulate(n_users, order=order, seed=seed)
    events = columns(log)
    sizes = np.bincount(events["user_id"], minlength=n_users)
    assert 20 <= sizes.min() <= sizes.max() <= 60
    same = np.diff(events["user_id"]) == 0
    assert (np.diff(events["user_id"]) >= 0).all()
    assert (np.diff(events["timestamp"].astype(np.int64))[same] > 0).all()
    steps, _ = steps_by_session(log)
    assert (np.sort(steps, axis=1) == np.arange(3)).all()


def test_the_habit_shows_in_the_order_and_nowhere_else():
    log = simulate(20_000)
    steps, user = steps_by_session(log)
    backward = log.users["backward"].to_numpy()
    assert (steps[:, 0] == 2 * backward[user]).all()
    events = columns(log)
    of = backward[events["user_id"]]
    shares = [np.bincount(events["item_id"][of == habit], minlength=300) / (of == habit).sum() for habit in (0, 1)]
    assert np.abs(shares[0] - shares[1]).max() < 0.002
    for name in ("value", "timestamp"):
        one, other = (events[name][of == habit].astype(np.float64) for habit in (0, 1))
        assert abs(one.mean() - other.mean()) < 0.02 * events[name].astype(np.float64).std()


@pytest.mark.parametrize("order", [0.0, 0.5, 1.0])
def test_the_dial(order):
    log = simulate(5_000, order=order)
    steps, user = steps_by_session(log)
    follows = (steps[:, 0] == 2 * log.users["backward"].to_numpy()[user]) & (steps[:, 1] == 1)
    assert follows.mean() == pytest.approx(order + (1 - order) / 6, abs=0.02)


def test_the_future_hangs_on_what_it_should():
    log = simulate(20_000)
    truth = {name: log.users[name].to_numpy() for name in log.users.column_names}
    for habit in (0, 1):
        of = truth["backward"] == habit
        assert of.sum() == 10_000
        assert truth["left"][of].mean() == pytest.approx(LEAVING[habit], abs=0.02)
        assert (truth["next_category"] == truth["taste"])[of].mean() == pytest.approx(0.525, abs=0.02)
    gap = np.log(truth["future_value"][truth["backward"] == 0]).mean()
    assert gap - np.log(truth["future_value"][truth["backward"] == 1]).mean() == pytest.approx(1.0, abs=0.05)


def test_the_same_twice_and_another_seed_differs():
    assert simulate(50).events.equals(simulate(50).events)
    assert simulate(50).users.equals(simulate(50).users)
    assert not simulate(50).events.equals(simulate(50, seed=8).events)


def test_twenty_thousand_users_in_seconds():
    start = time.process_time()
    assert simulate(20_000).events.num_rows > 700_000
    assert time.process_time() - start < 6


@pytest.mark.parametrize("bad", [{"n_users": 0}, {"n_users": 5, "order": 1.2}, {"n_users": 5, "order": -0.1}])
def test_bad_arguments(bad):
    with pytest.raises(ValueError, match="order must lie"):
        simulate(**bad)


def test_written_logs_take_the_road_and_what_judges_stays_out(tmp_path):
    config = load_config(simulate(60).write(tmp_path / "log"))
    context = Context(config, Run.create(tmp_path / "run"), Silent())
    read_data(context)
    make_profiles(context)
    context.close()
    phases = Phases(config, context.run)
    assert phases.store.n_users == 60
    names = phases.profiles("final").column_names
    assert not {name.removeprefix("attr_") for name in names} & set(config.labels)
