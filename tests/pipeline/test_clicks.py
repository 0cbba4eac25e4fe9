"""From impressions to figures: what was clicked by segment, what lists would have got, and when nothing can be said."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fenqun import schema
from fenqun.config import Config
from fenqun.data.simulation.impressions import SimulatedImpressions, simulate_impressions
from fenqun.data.splits import Splits, epoch
from fenqun.data.synthetic import SyntheticLog
from fenqun.pipeline import run_pipeline
from fenqun.pipeline.click_lists import SegmentLists
from fenqun.pipeline.clicks import judge_clicks
from fenqun.pipeline.context import Context
from fenqun.pipeline.phases import Phases
from fenqun.pipeline.shown import Cut, shown_after, strategy_labels
from fenqun.progress import Silent
from fenqun.settings import load_config
from fenqun.store import Run

Configure = Callable[..., Config]
LAST = 1_704_067_200 + 364 * 86_400
SETTINGS = {
    "user": "user_id", "item": "item_id", "time": "timestamp", "position": "position", "clicked": "clicked",
    "propensity": "propensity", "policy": "policy", "time_zone": "UTC",
}  # fmt: skip


def drawn(log: SyntheticLog, pages: float, skew: float = 0.0, seed: int = 5) -> SimulatedImpressions:
    """Impressions of the log's users, who are attracted by what their type takes."""
    kinds = np.asarray(log.types["type"])
    taken = np.zeros((int(kinds.max()) + 1, log.items.num_rows))
    place = {item: i for i, item in enumerate(log.items["item_id"].to_pylist())}
    kind = dict(zip(log.types["user_id"].to_pylist(), kinds.tolist(), strict=True))
    for user, item in zip(log.events["user_id"].to_pylist(), log.events["item_id"].to_pylist(), strict=True):
        taken[kind[user], place[item]] += 1
    attraction = 0.02 + 0.5 * taken / taken.max(axis=1, keepdims=True)
    return simulate_impressions(kinds, attraction, pages=pages, skew=skew, spread=0.3, seed=seed)


def with_impressions(config: Config, folder: Path, impressions: pa.Table) -> Config:
    tree = config.model_dump(mode="json")
    pq.write_table(impressions, folder / "impressions.parquet")
    tree["data"]["impressions"] = SETTINGS | {"path": str(folder / "impressions.parquet")}
    return load_config(tree)


def table(log: SyntheticLog, shown: SimulatedImpressions, start: int, end: int, policy: str = "random") -> pa.Table:
    return shown.table(
        log.types["user_id"].combine_chunks(), log.items["item_id"].combine_chunks(), start, end, policy, 1
    )


@pytest.fixture(scope="module")
def shown(log: SyntheticLog) -> SimulatedImpressions:
    return drawn(log, pages=25)


@pytest.fixture(scope="module")
def judged(
    log: SyntheticLog, shown: SimulatedImpressions, configure: Configure, tmp_path_factory: pytest.TempPathFactory
) -> Run:
    folder = tmp_path_factory.mktemp("clicks")
    config = with_impressions(configure(log), folder, table(log, shown, LAST - 20 * 86_400, LAST + 20 * 86_400))
    return run_pipeline(config, folder / "run")


def rows(run: Run, **where: Any) -> list[dict[str, Any]]:
    found = run.read_table("click_figures.parquet").to_pylist()
    return [row for row in found if all(row[name] == value for name, value in where.items())]


def test_everyone_and_every_position_is_counted(judged: Run, shown: SimulatedImpressions) -> None:
    (all_,) = rows(judged, segment_id=None, strategy=None, position=None, metric="ctr")
    assert all_["n"] == len(shown.user) and all_["value"] == pytest.approx(shown.clicked.mean())
    places = rows(judged, metric="ctr", estimator="observed", segment_id=None, strategy=None)[1:]
    assert [row["position"] for row in places] == [1, 2, 3]
    assert sum(row["n"] for row in places) == all_["n"]
    looks = rows(judged, metric="examination")
    assert all(row["low"] <= value <= row["high"] for row, value in zip(looks, (1.0, 0.6, 0.35), strict=True))


def test_segments_have_their_rates_under_published_ids(judged: Run) -> None:
    found = rows(judged, metric="ctr", estimator="observed", strategy=None, position=None)
    segments = [row["segment_id"] for row in found if row["segment_id"] is not None]
    assert segments and set(segments) <= set(judged.read_table("segments.parquet")["segment_id"].to_pylist())
    assert all(row["low"] <= row["value"] <= row["high"] for row in found)
    corrected = rows(judged, metric="ctr", estimator="position_corrected")
    assert [row["segment_id"] for row in corrected] == segments
    assert all(row["q"] is not None for row in corrected)


def truth_of_lists(run: Run, log: SyntheticLog, shown: SimulatedImpressions, strategy: str) -> float:
    """Click-through rate of the very lists that were judged, by what the simulator knows of each user."""
    phases = Phases(load_config(run.require("config.yaml")), run)
    cut = Cut.of(phases)
    impressions = shown_after(phases, cut)
    labels = {"popularity": np.zeros(int(phases.active(cut.phase).sum()), dtype=np.int64)}
    labels |= strategy_labels(phases, cut)
    lists = SegmentLists(phases, cut.phase, np.unique(impressions.item), np.array([1, 2, 3])).top(labels[strategy])
    catalogue, kinds = (
        log.items["item_id"].to_pylist(),
        dict(zip(*log.types.select([0, 1]).to_pydict().values(), strict=True)),
    )
    place = np.array([catalogue.index(item) for item in phases.store.items.to_pylist()])
    kind = np.array([kinds[user] for user in phases.store.users.to_pylist()])
    rows = np.flatnonzero(phases.active(cut.phase))
    weight = np.bincount(impressions.row[impressions.row >= 0], minlength=len(rows)).astype(float)
    clicks = shown.truth.attraction[kind[rows][:, None], place[lists]] * shown.truth.examination
    return float((weight @ clicks.mean(axis=1)) / weight.sum())


def test_the_lists_of_segments_beat_one_list_for_all_and_thin_segments_are_refused(judged: Run) -> None:
    value = {
        row["strategy"]: row["value"] for row in rows(judged, metric="ctr", estimator="snips", segment_id=None)
    }
    assert value["learned"] > value["popularity"]
    (learned,) = rows(judged, strategy="learned", metric="ctr", estimator="snips", segment_id=None)
    assert learned["difference_low"] > 0
    own = [row for row in rows(judged, strategy="learned", estimator="snips") if row["segment_id"] is not None]
    assert own and all((row["value"] is None) == ("few_" in row["note"]) for row in own)
    assert any(row["note"] == "few_effective" for row in own)


Judged = Callable[[pa.Table], tuple[Run, dict[str, Any]]]


@pytest.fixture
def again(judged: Run, tmp_path: Path) -> Judged:
    """Judge other impressions by the segments of the finished run; return the run and what the stage tells."""

    def judge(impressions: pa.Table) -> tuple[Run, dict[str, Any]]:
        run = Run.create(tmp_path / "run") if (tmp_path / "run").exists() else _copied(judged, tmp_path / "run")
        n = impressions.num_rows
        kept = {name: impressions[name] for name in ("user_id", "item_id")}
        kept["timestamp"] = impressions["timestamp"].cast(pa.timestamp("us"))
        kept |= {name: impressions[name] for name in ("position", "clicked")}
        kept |= {"converted": pa.nulls(n, pa.bool_()), "value": pa.nulls(n, pa.float64())}
        kept |= {name: impressions[name] for name in ("propensity", "policy")}
        pq.write_table(pa.table(kept), run.artifact("work/impressions.parquet"))
        output = judge_clicks(Context(load_config(run.require("config.yaml")), run, Silent()))
        run.close()
        return run, output.figures

    return judge


def _copied(run: Run, path: Path) -> Run:
    shutil.copytree(run.path, path)
    return Run.create(path)


def test_estimates_hold_the_truth_of_the_lists_that_were_judged(again: Judged, log: SyntheticLog) -> None:
    """Over draws of impressions, for lists of segments and for one list."""
    inside: dict[str, list[bool]] = {"learned": [], "popularity": []}
    for seed in range(10):
        shown = drawn(log, pages=25, seed=20 + seed)
        run, _ = again(table(log, shown, LAST - 20 * 86_400, LAST))
        (everything,) = rows(run, segment_id=None, strategy=None, position=None, metric="ctr")
        for strategy, held in inside.items():
            truth = truth_of_lists(run, log, shown, strategy)
            found = rows(run, strategy=strategy, metric="ctr", segment_id=None)
            assert [row["estimator"] for row in found] == ["replay", "ips", "snips"]
            assert all(100 <= row["effective_n"] < row["n"] / 10 for row in found)
            held += [row["low"] <= truth <= row["high"] for row in found]
            assert truth > 1.5 * everything["value"], "what was shown at random says nothing of lists"
    assert all(np.mean(held) >= 0.8 for held in inside.values())


def test_nothing_is_judged_by_what_was_learned_from(
    judged: Run, again: Judged, log: SyntheticLog, shown: SimulatedImpressions
) -> None:
    """Impressions before the cut change nothing, however they went."""
    late = table(log, shown, LAST - 20 * 86_400, LAST)
    before = again(late)[0].read_table("click_figures.parquet")
    start = epoch(Splits.read(judged).test_start)
    assert start <= LAST - 20 * 86_400
    early = table(log, drawn(log, pages=3, seed=9), start - 90 * 86_400, start, policy="early")
    run, figures = again(pa.concat_tables([early, late]))
    assert run.read_table("click_figures.parquet").equals(before)
    assert figures["judged"] == late.num_rows and figures["impressions"] == late.num_rows + early.num_rows
    run, figures = again(early)
    assert figures["reason"] == "none_after_cut"
    assert not run.artifact("click_figures.parquet").exists()


def test_figures_depend_neither_on_row_order_nor_on_users_without_events(
    again: Judged, log: SyntheticLog, shown: SimulatedImpressions
) -> None:
    given = table(log, shown, LAST - 20 * 86_400, LAST)
    one = again(given)[0].read_table("click_figures.parquet")
    order = np.random.default_rng(1).permutation(given.num_rows)
    assert again(given.take(pa.array(order)))[0].read_table("click_figures.parquet").equals(one)
    rename = {user: f"new {user}" for user in given["user_id"].to_pylist()[-300:]}
    names = [rename.get(user, user) for user in given["user_id"].to_pylist()]
    strangers = given.set_column(0, "user_id", pa.array(names))
    run, figures = again(strangers)
    assert figures["without_segment"] > 0
    total = rows(run, segment_id=None, strategy=None, position=None, metric="ctr", estimator="observed")
    assert [row["value"] for row in total] == [given["clicked"].to_numpy().mean()]


def test_where_each_user_has_a_cut_only_what_comes_after_the_log_judges(
    log: SyntheticLog, shown: SimulatedImpressions, configure: Configure, tmp_path: Path
) -> None:
    inside = table(log, drawn(log, pages=3, seed=9), LAST - 90 * 86_400, LAST - 30 * 86_400)
    after = table(log, shown, LAST + 86_400, LAST + 5 * 86_400, policy="greedy")
    config = with_impressions(configure(log, "splits.method=per_user"), tmp_path, pa.concat_tables([inside, after]))
    run = run_pipeline(config, tmp_path / "run")
    figures = run.stage_record("clicks").figures
    assert (figures["fit"], figures["judged"]) == ("final", after.num_rows)
    ids = {row["segment_id"] for row in rows(run, metric="ctr", estimator="observed")} - {None}
    assert ids == set(run.read_table("segments.parquet")["segment_id"].to_pylist()), (
        "the published segments themselves"
    )


def test_policies_are_told_apart_and_replay_is_refused_where_logging_has_favourites(
    again: Judged, log: SyntheticLog, shown: SimulatedImpressions
) -> None:
    favoured = table(log, drawn(log, pages=25, skew=0.8, seed=6), LAST - 20 * 86_400, LAST, policy="favours")
    unknown = table(log, drawn(log, pages=2, seed=8), LAST - 20 * 86_400, LAST, policy="unknown")
    unknown = unknown.set_column(5, "propensity", pa.nulls(unknown.num_rows, pa.float64()))
    even = table(log, shown, LAST - 20 * 86_400, LAST)
    run, _ = again(pa.concat_tables([even, favoured, unknown]))
    shares = rows(run, metric="ctr", segment_id=None, strategy=None, position=None, estimator="observed")
    assert [row["policy"] for row in shares] == [None, "favours", "random", "unknown"]
    judged = rows(run, strategy="learned", metric="ctr", segment_id=None)
    assert {row["policy"] for row in judged} == {"favours", "random"}
    notes = {(row["policy"], row["estimator"]): row["note"] for row in judged}
    assert notes["favours", "replay"] == "not_uniform" and notes["random", "replay"] == ""


def test_without_propensities_only_what_was_shown_is_told(
    again: Judged, log: SyntheticLog, shown: SimulatedImpressions
) -> None:
    given = table(log, shown, LAST - 20 * 86_400, LAST)
    nothing = {"propensity": pa.float64(), "policy": pa.string()}
    for name, kind in nothing.items():
        given = given.set_column(given.column_names.index(name), name, pa.nulls(given.num_rows, kind))
    run, figures = again(given)
    assert figures["reason"] == "no_propensities"
    assert {row["estimator"] for row in rows(run)} == {"observed", "position_corrected", "position_model"}
    assert run.read_table("click_figures.parquet").schema.equals(schema.CLICK_FIGURES)
