"""The search: better settings on validation time, the same again after a kill, and taken by what follows."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given as given_by
from hypothesis import strategies as st

from fenqun import schema
from fenqun.config import Config
from fenqun.data.synthetic import SyntheticLog, make_log
from fenqun.errors import ConfigError
from fenqun.pipeline import run_pipeline
from fenqun.pipeline.judging import PhaseJudge
from fenqun.pipeline.phases import Phases
from fenqun.pipeline.search_segments import few
from fenqun.pipeline.search_space import Choice, Range, from_json, given, parameters, read, with_settings
from fenqun.pipeline.search_verdict import Tried, choose, luck, reason
from fenqun.pipeline.search_worth import Figure, Worth
from fenqun.progress import Silent
from fenqun.settings import load_config
from fenqun.store import Run

TRIALS = 4
SEARCH = (f"search.trials={TRIALS}", "search.events=800", "behaviour.taste.als_iterations=5", "segmentation.k=3")


class Notes(Silent):
    """Keeps what was said, and interrupts the run after a line that matches a pattern."""

    def __init__(self, until: str | None = None) -> None:
        self.lines: list[str] = []
        self.until = until

    def note(self, text: str) -> None:
        self.lines.append(text)
        if self.until and re.match(self.until, text):
            raise KeyboardInterrupt


def changed(config: Config, *overrides: str) -> Config:
    return load_config(config.model_dump(mode="json"), overrides)


def search_only(config: Config, out: Path) -> tuple[Run, list[str]]:
    """Run as far as the search, and return what was said."""
    notes = Notes(until=r"search: \d+\.\d s")
    with pytest.raises(KeyboardInterrupt):
        run_pipeline(config, out, notes)
    return Run(out), notes.lines


def as_far_as(stage: str, config: Config, out: Path) -> Run:
    with pytest.raises(KeyboardInterrupt):
        run_pipeline(config, out, Notes(until=rf"{stage}: \d+\.\d s"))
    return Run(out)


def judged(lines: list[str]) -> list[str]:
    """Numbers of the trials that were judged."""
    return [line.split()[2] for line in lines if line.startswith("search: trial ")]


def rows(run: Run) -> list[dict[str, Any]]:
    return run.read_table("search.parquet").to_pylist()


@pytest.fixture(scope="module")
def asked(log: SyntheticLog, configure: Callable[..., Config]) -> Config:
    return configure(log, *SEARCH)


@pytest.fixture(scope="module")
def found(asked: Config, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_pipeline(asked, tmp_path_factory.mktemp("found") / "run")


def test_the_table_has_a_row_a_trial_and_one_winner(asked: Config, found: Run) -> None:
    table = found.read_table("search.parquet")
    assert table.schema.equals(schema.SEARCH)
    trials = table.to_pylist()
    assert [trial["trial"] for trial in trials] == list(range(TRIALS))
    first = from_json(json.loads(trials[0]["settings"]))
    assert all(read(asked, path) == value for path, value in first.items())
    assert [trial["verdict"] for trial in trials].count("chosen") == 1
    assert all(trial["why"] for trial in trials)
    winner = next(trial for trial in trials if trial["verdict"] == "chosen")
    assert winner["trial"] == 0 or winner["goal_gain"] > winner["goal_gain_se"]
    assert (trials[0]["goal_gain"], trials[0]["lift_gain"]) == (0.0, 0.0)
    assert all(trial["goal"] == trial["lift"] for trial in trials)  # the goal is to recommend


def test_trial_0_is_judged_as_the_road_judges_the_settings(asked: Config, tmp_path: Path) -> None:
    """The number of segments of its own choice, without a sequence model, which is trained on fewer events in a search."""
    free = ("segmentation.k=null", "segmentation.k_max=12", "segmentation.clusterers=[kmeans]")
    run = run_pipeline(changed(asked, "vectors.weights.intent=0", "search.trials=1", *free), tmp_path / "run")
    (trial,) = rows(run)
    assert trial["blocks"] == " + ".join(sorted(run.stage_record("blocks").figures["weights"]))
    tried = {
        row["k"]: json.loads(row["metrics"])
        for row in run.read_table("trials.parquet").to_pylist()
        if row["strategy"] == "learned"
    }
    assert trial["k"] in few(140, asked.segmentation.model_copy(update={"k": None, "k_max": 12}))
    assert tried[trial["k"]]["lift"] == pytest.approx(trial["lift"], 1e-5)
    assert tried[trial["k"]]["lift_se"] == pytest.approx(trial["lift_se"], 1e-5)


def test_later_stages_take_what_was_chosen_and_a_second_run_computes_nothing(
    asked: Config, found: Run, tmp_path: Path
) -> None:
    """Both from the settings as they were given, and from the run's own complete ones."""
    written = load_config(found.require("config.yaml"))
    record = found.stage_record("search").figures
    assert written == with_settings(asked, record["chosen"]).model_copy(update={"quality": written.quality})
    assert written.search == asked.search
    shutil.copytree(found.path, tmp_path / "run")
    for config in (asked, written):
        notes = Notes()
        again = run_pipeline(config, tmp_path / "run", notes)
        assert all(line.endswith(": unchanged") for line in notes.lines), notes.lines
        assert load_config(again.require("config.yaml")) == written


def test_a_better_setting_reaches_the_vectors(asked: Config, found: Run, tmp_path: Path) -> None:
    """A record that names other settings, as a search that found better ones leaves it."""
    shutil.copytree(found.path, tmp_path / "run")
    path = tmp_path / "run" / "work" / "stages" / "search.json"
    record = json.loads(path.read_text())
    record["figures"]["chosen"] |= {"behaviour.taste.width": 32, "vectors.components": 8}
    path.write_text(json.dumps(record))
    notes = Notes()
    run = run_pipeline(asked, tmp_path / "run", notes)
    assert "search: unchanged" in notes.lines
    assert "rhythm: unchanged" in notes.lines
    assert "taste: unchanged" not in notes.lines
    written = load_config(run.require("config.yaml"))
    assert (written.behaviour.taste.width, written.vectors.components) == (32, 8)
    notes = Notes()
    run_pipeline(written, tmp_path / "run", notes)
    assert all(line.endswith(": unchanged") for line in notes.lines)
    without = run_pipeline(changed(written, "search.trials=0"), tmp_path / "run", notes := Notes())
    assert not without.artifact("search.parquet").exists()
    assert "taste: unchanged" in notes.lines


@pytest.mark.parametrize("last", [0, 2])
def test_cut_off_and_run_again_it_ends_as_if_undisturbed(
    last: int, asked: Config, found: Run, tmp_path: Path, contents: Callable[[Run], Any], differences: Any
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_pipeline(asked, tmp_path / "run", Notes(until=f"search: trial {last} of"))
    notes = Notes()
    run = run_pipeline(asked, tmp_path / "run", notes)
    assert judged(notes.lines) == [str(number) for number in range(last + 1, TRIALS)]
    assert differences(contents(found), contents(run)) == []


def test_more_trials_keep_those_that_are_done(asked: Config, found: Run, tmp_path: Path) -> None:
    shutil.copytree(found.path, tmp_path / "run")
    run, said = search_only(changed(asked, f"search.trials={TRIALS + 1}"), tmp_path / "run")
    assert judged(said) == [str(TRIALS)]
    kept = ("settings", "lift", "value")
    assert [[r[c] for c in kept] for r in rows(run)[:TRIALS]] == [[r[c] for c in kept] for r in rows(found)]


def test_without_trials_nothing_is_searched(finished: Run) -> None:
    assert not finished.artifact("search.parquet").exists()
    assert finished.stage_record("search").figures == {}


def test_a_sequence_model_a_trial_with_its_own_settings(asked: Config, tmp_path: Path) -> None:
    """With pruning, interrupted and not."""
    config = changed(asked, "search.intent=true", "search.trials=7", "search.events=300")
    whole, _ = search_only(config, tmp_path / "whole")
    trials = rows(whole)
    assert "behaviour.intent.window" in json.loads(trials[0]["settings"])
    assert all((trial["lift"] is None) == (trial["state"] != "finished") for trial in trials)
    assert "pruned" in {trial["state"] for trial in trials}
    with pytest.raises(KeyboardInterrupt):
        run_pipeline(config, tmp_path / "cut", Notes(until="search: trial 5 of"))
    cut, said = search_only(config, tmp_path / "cut")
    assert judged(said) == ["6"]
    assert cut.read_json("work/search.json") == whole.read_json("work/search.json")
    assert rows(cut) == trials


@pytest.mark.parametrize("objective", ["value", "both"])
def test_other_objectives(objective: str, asked: Config, tmp_path: Path) -> None:
    config = changed(asked, f"search.objective={objective}", "vectors.weights.intent=0", "search.trials=3")
    run, _ = search_only(config, tmp_path / "run")
    assert all(math.isfinite(trial["value"]) and trial["value_se"] > 0 for trial in rows(run))


def test_value_that_no_split_can_judge_is_refused(asked: Config, tmp_path: Path) -> None:
    config = changed(asked, "search.objective=value", "splits.method=per_user")
    with pytest.raises(ConfigError, match=r"search\.objective.*cannot judge future value"):
        run_pipeline(config, tmp_path / "run")


def test_a_log_with_one_item_searches_what_is_left(configure: Callable[..., Config], tmp_path: Path) -> None:
    log = make_log(n_users=60, n_items=1, n_types=1, events_per_user=12)
    run, _ = search_only(configure(log, "search.trials=2"), tmp_path / "run")
    assert {tuple(json.loads(trial["settings"])) for trial in rows(run)} == {
        ("vectors.components", "vectors.reducer")
    }


# -- what is searched --------------------------------------------------------------------------


def test_the_settings_as_given_are_always_among_the_values(asked: Config) -> None:
    odd = with_settings(
        asked,
        {
            "behaviour.taste.width": 17,
            "behaviour.taste.text_gate": 3.5,
            "vectors.weights.rhythm": 2.5,
            "vectors.weights.intent": 0.333,
            "search.intent": True,
        },
    )
    space = parameters(odd, ranks_items=True, has_content=True)
    start = given(odd, space)
    assert list(start) == [parameter.path for parameter in space]
    for parameter in space:
        value = start[parameter.path]
        if isinstance(parameter, Range):
            assert parameter.low <= value <= parameter.high
        else:
            assert isinstance(parameter, Choice)
            assert value in parameter.values
            for other in parameter.values:  # each is a setting that a run accepts
                with_settings(odd, {parameter.path: other})


def test_what_has_no_part_is_not_searched(asked: Config) -> None:
    def paths(*overrides: str, ranks_items: bool = True, has_content: bool = True) -> set[str]:
        space = parameters(changed(asked, *overrides), ranks_items=ranks_items, has_content=has_content)
        return {parameter.path for parameter in space}

    assert "behaviour.taste.text_gate" not in paths(has_content=False)
    assert not {"behaviour.taste.temperature", "behaviour.taste.tune"} & paths("behaviour.taste.tune=false")
    assert {"behaviour.taste.scales", "behaviour.taste.tune", "vectors.reducer"} <= paths()
    assert "vectors.weights.rhythm" not in paths("vectors.weights.rhythm=0")
    assert "vectors.weights.intent" not in paths("behaviour.intent.backbone=none")
    assert not any(path.startswith("behaviour.intent") for path in paths())
    assert not any(path.startswith("behaviour.taste") for path in paths("vectors.weights.taste=0"))


# -- the verdict -------------------------------------------------------------------------------


def trial(gain: float, value: float = 0.0, error: float = 0.1, state: str = "finished", k: int = 6) -> Tried:
    lift, other = (Figure(1.0 + lead, error, lead, error) for lead in (gain, value))
    worth = Worth(lift, lift, other, k, ("taste",)) if state == "finished" else None
    return Tried({}, {}, state, worth, None)  # type: ignore[arg-type]


def test_within_a_standard_error_the_settings_as_given_stay() -> None:
    assert choose([trial(0.0), trial(0.09)], "lift") == 0
    assert choose([trial(0.0), trial(0.11)], "lift") == 1
    assert choose([trial(0.0), trial(0.15), trial(0.4), trial(0.4)], "lift") == 2
    assert choose([trial(0.0), trial(9.0, state="pruned"), trial(0.2)], "lift") == 2
    assert choose([trial(0.0, state="failed"), trial(0.2)], "lift") == 0


def test_a_search_over_noise_changes_nothing_more_often_than_not() -> None:
    """The best of many equal trials leads by luck; without an allowance for that, nearly every search would take one."""
    random = np.random.default_rng(0)
    taken, naive = 0, 0
    for _ in range(200):
        gains = 0.1 * random.normal(size=20)
        taken += choose([trial(0.0), *map(trial, gains)], "goal") > 0
        naive += gains.max() > 0.1
    assert naive > 180
    assert taken < 20


def test_among_trials_level_with_the_best_the_fewest_segments_win() -> None:
    trials = [trial(0.0), trial(0.40, k=15), trial(0.35, k=6), trial(0.32, k=6), trial(0.28, k=4), trial(0.15)]
    assert choose(trials, "goal") == 2
    assert "level with the best, trial 1, with fewest segments" in reason(2, 2, trials, "goal")
    assert "15 segments against 6 of trial 2" in reason(1, 2, trials, "goal")
    assert "behind trial 1" in reason(4, 2, trials, "goal")
    assert "luck gives the best of 5 trials" in reason(5, 2, trials, "goal")


def test_of_two_objectives_neither_may_get_worse() -> None:
    trials = [trial(0.0), trial(1.0, -0.1), trial(0.4, 0.1), trial(0.1, 0.8), trial(0.05, 0.05)]
    assert choose(trials, "both") in (2, 3)
    assert choose(trials[:2], "both") == 0
    assert choose(trials, "lift") == 1
    assert choose(trials, "value") == 3


@given_by(
    gains=st.lists(st.floats(-1, 1), min_size=1, max_size=8),
    error=st.floats(0.01, 1),
    sizes=st.lists(st.sampled_from((4, 6, 10)), min_size=8, max_size=8),
)
def test_what_is_chosen_leads_clearly_and_is_level_with_the_best(
    gains: list[float], error: float, sizes: list[int]
) -> None:
    trials = [trial(0.0), *(trial(gain, error=error, k=k) for gain, k in zip(gains, sizes, strict=False))]
    chosen = choose(trials, "goal")
    needed = (1.0 + luck(len(gains))) * error
    assert (chosen == 0) == (max(gains) <= needed)
    if chosen:
        assert gains[chosen - 1] > needed
        assert gains[chosen - 1] >= max(gains) - error
        level = [k for gain, k in zip(gains, sizes, strict=False) if gain > needed and gain >= max(gains) - error]
        assert trials[chosen].worth.k == min(level)  # type: ignore[union-attr]


def test_every_trial_has_its_reason() -> None:
    trials = [trial(0), trial(0.05), trial(0.3), trial(0.5), trial(0, state="pruned"), trial(0, state="failed")]
    told = [reason(number, 3, trials, "lift") for number in range(len(trials))]
    assert len(set(told)) == len(told)


def test_a_record_reads_back_as_it_was_written() -> None:
    worth = Worth(Figure(1.2, 0.1, 0.02, 0.01), Figure(), Figure(0.1), 6, ("rhythm", "taste"))
    one = Tried({"a": "[5.0]"}, {"a": (5.0,), "b": True}, "finished", worth, 0.1)
    again = Tried.from_dict(json.loads(json.dumps(one.to_dict(), allow_nan=False)))
    assert again.settings == one.settings
    assert again.worth is not None and again.worth.to_dict() == worth.to_dict()


# -- on time that the search never saw ---------------------------------------------------------


def test_where_nothing_was_taken_there_is_nothing_to_confirm(finished: Run) -> None:
    assert finished.stage_record("confirmation").figures == {}


def test_what_was_taken_is_compared_with_what_was_given_on_test_time(
    asked: Config, found: Run, tmp_path: Path
) -> None:
    """A record that names other settings, as a search that found better ones leaves it."""
    shutil.copytree(found.path, tmp_path / "run")
    path = tmp_path / "run" / "work" / "stages" / "search.json"
    record = json.loads(path.read_text())
    chosen = {"behaviour.taste.width": 8, "vectors.components": 2, "behaviour.taste.scales": [80.0]}
    record["figures"]["chosen"] |= chosen
    record["figures"]["trial"] = 1
    path.write_text(json.dumps(record))
    run = as_far_as("confirmation", asked, tmp_path / "run")
    told = run.stage_record("confirmation").figures
    (lead,) = told["leads"].values()
    assert lead["figure"] == "lift" and lead["low"] <= lead["gain"] <= lead["high"]
    assert told["confirmed"] == (lead["low"] > 0)
    assert told["k"] == told["given_k"] == 3
    # the other side is what a run without a search publishes
    plain = as_far_as("segmentation", changed(asked, "search.trials=0"), tmp_path / "plain")
    ours, theirs = (np.asarray(one.read_table("work/judged.parquet")["learned"]) for one in (run, plain))
    gain, _ = PhaseJudge(Phases(asked, run), "judge").lead("lift", ours, theirs)
    if run.read_json("work/choices.json")["learned"] == plain.read_json("work/choices.json")["learned"]:
        assert gain == pytest.approx(lead["gain"], abs=1e-5)


def test_another_goal_is_another_choice(asked: Config, found: Run, tmp_path: Path) -> None:
    shutil.copytree(found.path, tmp_path / "run")
    notes = Notes(until=r"blocks: ")
    with pytest.raises(KeyboardInterrupt):
        run_pipeline(changed(asked, "goal=value", "search.trials=1"), tmp_path / "run", notes)
    assert "taste: unchanged" in notes.lines or found.stage_record("search").figures["trial"]
    assert not {"search: unchanged", "blocks: unchanged"} & set(notes.lines)
