"""Fine-tuning on a finished run: nothing later reaches a vector, later time judges, every user is predicted."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenqun.behaviour.heads import CategoryRanker, Head
from fenqun.behaviour.heads.judging import class_statistics, judge, value_statistics
from fenqun.behaviour.intent.encoder import IntentEncoder
from fenqun.config import Config
from fenqun.data.synthetic import SyntheticLog, make_log
from fenqun.engines.duckdb import DuckDBEngine
from fenqun.errors import ConfigError, LeakError, QualityError, RunError
from fenqun.pipeline import run_pipeline
from fenqun.pipeline.blocks import Blocks
from fenqun.pipeline.finetuning import finetune_run
from fenqun.pipeline.finetuning.command import judging_phase
from fenqun.pipeline.finetuning.goal import Goal
from fenqun.pipeline.finetuning.moments import Moments
from fenqun.pipeline.finetuning.rows import Rows
from fenqun.settings import load_config
from fenqun.store import Run

EVERY = ("taste", "rhythm", "intent")
TARGETS = "targets=[{name: years, of: age}, {name: spend, of: value, horizon: 40d}]"


@pytest.fixture(scope="module")
def known() -> SyntheticLog:
    return make_log(n_users=160, n_items=36, n_types=3, events_per_user=24)


@pytest.fixture(scope="module")
def run(known: SyntheticLog, configure: Callable[..., Config], tmp_path_factory: pytest.TempPathFactory) -> Run:
    config = configure(known, TARGETS, "data.users.attributes=[city]", "vectors.gate=false")
    return run_pipeline(config, tmp_path_factory.mktemp("tuned") / "run")


def moments_of(run: Run, target: str = "churn") -> tuple[Moments, DuckDBEngine]:
    config = load_config(run.require("config.yaml"))
    engine = DuckDBEngine(1, "500MB", config.data.timezone)
    found = Moments(run, config, engine, Goal(target, "churn", 40 * 86400))
    return found, engine


def perturbed(run: Run, folder: Path, time: int) -> Run:
    """Copy a run and change what users take and spend from a moment on."""
    shutil.copytree(run.path, folder)
    sequences = folder / "work" / "sequences"
    late = np.load(sequences / "time.npy") >= time
    for name, other in (("item", 0), ("value", 999.0), ("weight", 9.0)):
        array = np.load(sequences / f"{name}.npy")
        array[late] = other
        np.save(sequences / f"{name}.npy", array)
    table = pq.read_table(sequences / "timeline.parquet")
    after = np.asarray(table["second"]) >= time
    for name, other in (("item", 0), ("value", 999.0)):
        values = [other if is_late else v for v, is_late in zip(table[name].to_pylist(), after, strict=True)]
        place = table.column_names.index(name)
        table = table.set_column(place, name, pa.array(values, table[name].type))
    pq.write_table(table, sequences / "timeline.parquet")
    return Run.open(folder)


def test_no_later_event_reaches_a_vector_of_a_cut(run: Run, tmp_path: Path) -> None:
    before, engine = moments_of(run)
    assert len(before.past) >= 2
    encoders = Blocks.of(run, "final", EVERY)
    assert encoders.intent is not None
    for place, moment in enumerate(before.past):
        later, other = moments_of(perturbed(run, tmp_path / str(place), moment.time))
        again = later.past[place]
        assert again.time == moment.time
        assert (moment.store.time < moment.time).all()
        for goal in (Goal("churn", "churn", 1), Goal("next_category", "next_category", 1)):
            np.testing.assert_array_equal(
                moment.vectors(encoders, before.config, goal), again.vectors(encoders, later.config, goal)
            )
        changed = later.now.vectors(encoders, later.config, before.goal)
        assert not np.array_equal(before.now.vectors(encoders, before.config, before.goal), changed)
        other.close()
    engine.close()


@given(st.integers(-10, 110))
@settings(max_examples=20)
def test_a_store_before_a_moment(run: Run, percent: int) -> None:
    from fenqun.data.sequence_store import COLUMNS, SequenceStore

    store = SequenceStore.open(run.require("work/sequences"))
    first, last = int(store.time.min()), int(store.time.max())
    time = first + (last - first) * percent // 100
    view = store.before(time)
    assert (view.n_users, view.n_items) == (store.n_users, store.n_items)
    assert view.offsets[-1] == len(view.time) == int((store.time < time).sum())
    for user in (0, store.n_users // 2, store.n_users - 1):
        whole = slice(*store.offsets[user : user + 2])
        part = slice(*view.offsets[user : user + 2])
        kept = np.asarray(store.time[whole]) < time
        for name in COLUMNS:
            np.testing.assert_array_equal(getattr(view, name)[part], getattr(store, name)[whole][kept])


def test_encoders_that_judge_have_not_seen_what_follows(run: Run) -> None:
    splits = moments_of(run)[0].phases.splits
    assert judging_phase(splits, splits.now("judge")) == "judge"
    assert judging_phase(splits, splits.now("judge") - 1) == "select"


@pytest.fixture(scope="module")
def churn(run: Run) -> tuple[Path, dict[str, Any]]:
    return finetune_run(run, "churn")


def test_churn_is_predicted_for_all_users(run: Run, churn: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder, report = churn
    assert folder == run.path / "finetuned" / "churn"
    table = pq.read_table(folder / "predictions.parquet")
    assert table["user_id"].to_pylist() == run.read_table("user_vectors.parquet")["user_id"].to_pylist()
    assert table.column_names == ["user_id", "prediction", "p_active", "p_churned"]
    p = np.asarray(table["p_active"]) + np.asarray(table["p_churned"])
    np.testing.assert_allclose(p, 1)
    assert Head.load(folder / "head").classes_ == ["active", "churned"]
    assert report["judged"]["on"] == "later time" and not report["judged"]["encoders_saw_later"]
    assert report["judged"]["n"] == report["moments"][-1]["users"]
    assert set(report["figures"]) == {"frozen", "competitor"}
    for figures in report["figures"].values():
        assert set(figures) == {"auc", "brier", "ece"}
        assert all(f["low"] <= f["value"] <= f["high"] for f in figures.values())
    again, told = finetune_run(run, "churn", tmp_path / "again")
    assert told == report
    assert pq.read_table(again / "predictions.parquet").equals(table)


def test_the_latest_cut_judges_and_teaches_nothing(run: Run) -> None:
    moments, engine = moments_of(run)
    rows = Rows(moments.past, 0)
    ((learn, judges),) = rows.splits()
    assert learn.max() < rows.starts[-2] <= judges.min()
    inner, chooses = rows.validation(learn)
    assert not set(rows.users[inner]) & set(rows.users[chooses])
    one = Rows(moments.past[-1:], 0)
    assert sorted(np.concatenate([j for _, j in one.splits()])) == one.known.tolist()
    for learn, judges in one.splits():
        assert not set(one.users[learn]) & set(one.users[judges])
    engine.close()


def test_a_future_value_with_a_horizon_of_its_own(run: Run, tmp_path: Path) -> None:
    folder, report = finetune_run(run, "spend", tmp_path / "spend")
    assert (report["of"], report["horizon_days"], report["kind"]) == ("value", 40.0, "value")
    assert report["competitor"] == "as in the last horizon"
    assert set(report["figures"]["competitor"]) == {"r2", "mae"}
    assert np.asarray(pq.read_table(folder / "predictions.parquet")["prediction"]).min() >= 0


def test_the_next_category(run: Run, tmp_path: Path) -> None:
    folder, report = finetune_run(run, "next_category", tmp_path / "next")
    assert set(report["figures"]) == {"frozen", "ranker", "competitor"}
    assert report["kept"] == min(report["validation_loss"], key=report["validation_loss"].get)
    assert report["figures"]["competitor"].keys() == {"accuracy"}
    table = pq.read_table(folder / "predictions.parquet")
    assert table.num_rows == 160
    head: Any = (CategoryRanker if report["kept"] == "ranker" else Head).load(folder / "head")
    assert table.column_names[2:] == [f"p_{name}" for name in head.classes_]


def test_a_column_of_the_user_table_unfrozen(run: Run, tmp_path: Path) -> None:
    folder, report = finetune_run(run, "years", tmp_path / "years", unfrozen=True)
    assert (report["kind"], report["horizon_days"], report["judged"]["on"]) == ("value", None, "users held out")
    assert set(report["figures"]) == {"frozen", "unfrozen", "competitor"}
    assert set(report["validation_loss"]) == {"frozen", "unfrozen"}
    assert (folder / "intent").is_dir() == (report["kept"] == "unfrozen" and report["epochs"][-1] > 0)
    assert pq.read_table(folder / "predictions.parquet").num_rows == 160


def test_tuning_leaves_the_encoder_of_the_run_alone(run: Run) -> None:
    from fenqun.pipeline.finetuning.learning import Learner
    from fenqun.progress import Silent

    moments, engine = moments_of(run)
    learner = Learner(moments.past, moments.goal, moments.config, Silent())
    encoders = Blocks.of(run, "final", EVERY)
    assert isinstance(encoders.intent, IntentEncoder)
    before = {name: value.clone() for name, value in encoders.intent.model.state_dict().items()}
    learned = learner.learn(encoders, "unfrozen")
    assert learned.epoch is not None and isinstance(learned.encoders.intent, IntentEncoder)
    moved = learned.encoders.intent.model.state_dict()
    same = [np.array_equal(before[name].numpy(), moved[name].numpy()) for name in before]
    assert all(same) == (learned.epoch == 0)
    for name, value in encoders.intent.model.state_dict().items():  # the run's own stays as it was
        assert np.array_equal(before[name].numpy(), value.numpy())
    told = learned.predict(moments.now, moments.config, moments.goal)
    assert told.shape == (160, 2)
    engine.close()


# -- what is refused ---------------------------------------------------------------------------


def test_labels_and_unknown_targets(run: Run, tmp_path: Path) -> None:
    with pytest.raises(LeakError, match="'kind' is a label: labels only judge"):
        finetune_run(run, "kind", tmp_path / "out")
    with pytest.raises(ConfigError, match="no target 'income'; one of churn, value, events, next_category, years"):
        finetune_run(run, "income", tmp_path / "out")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").write_text("mine", encoding="utf-8")
    with pytest.raises(RunError, match="no fine-tuned head"):
        finetune_run(run, "churn", tmp_path / "mine")
    assert list(tmp_path.iterdir()) == [tmp_path / "mine"]


def test_cuts_of_their_own_and_nothing_to_unfreeze(
    known: SyntheticLog, configure: Callable[..., Config], tmp_path: Path
) -> None:
    config = configure(known, TARGETS, "splits.method=per_user", "behaviour.intent.backbone=none")
    run = run_pipeline(config, tmp_path / "run")
    for target in ("churn", "events", "spend", "next_category"):
        with pytest.raises(QualityError, match="each user has a cut of their own"):
            finetune_run(run, target)
    with pytest.raises(ConfigError, match="nothing to unfreeze"):
        finetune_run(run, "years", unfrozen=True)
    ages = known.users["age"]
    assert finetune_run(run, "years")[1]["judged"]["n"] == len(ages) - ages.null_count


# -- figures -----------------------------------------------------------------------------------


def test_figures_by_hand() -> None:
    random = np.random.default_rng(0)
    truth = random.choice(["a", "b"], 400)
    p = np.where(truth == "b", 0.8, 0.2)[:, None]
    told = class_statistics(np.hstack([1 - p, p]), ["a", "b"], list(truth))
    noise = class_statistics(np.full((400, 2), 0.5), ["a", "b"], list(truth))
    figures, differences = judge({"ours": told, "theirs": noise}, 400, ("ours", "theirs"), 0)
    assert figures["ours"]["auc"]["value"] == 1.0
    assert figures["ours"]["brier"]["value"] == pytest.approx(0.04)
    assert figures["ours"]["ece"]["value"] == pytest.approx(0.2)
    assert differences["auc"]["value"] == 0.5 and differences["auc"]["low"] > 0
    missed = class_statistics(np.eye(3)[[0, 1, 2]], ["a", "b", "c"], ["a", "b", "d"])
    assert judge({"x": missed, "y": missed}, 3, ("x", "y"), 0)[0]["x"]["accuracy"]["value"] == pytest.approx(2 / 3)
    values = value_statistics(np.array([1.0, 2, 3]), np.array([1.0, 2, 4]))
    figures, differences = judge({"x": values, "y": {}}, 3, ("x", "y"), 0)
    assert figures["x"]["mae"]["value"] == pytest.approx(1 / 3)
    assert figures["x"]["r2"]["value"] == pytest.approx(1 - 1 / (14 / 3))
    assert figures["y"] == differences == {}
    alone = class_statistics(np.full((5, 2), 0.5), ["a", "b"], ["a"] * 5)
    assert judge({"x": alone, "y": {}}, 5, ("x", "y"), 0)[0]["x"]["auc"]["value"] is None
