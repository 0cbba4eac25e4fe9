"""From a finished run to the predictions of one target, with figures of how good they are."""

from __future__ import annotations

import re
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from threadpoolctl import threadpool_limits

from fenqun.behaviour.heads import CategoryRanker, Head
from fenqun.behaviour.intent.encoder import IntentEncoder
from fenqun.data.splits import Phase, Splits, iso
from fenqun.engines.duckdb import DuckDBEngine
from fenqun.errors import ConfigError, RunError
from fenqun.pipeline.blocks import Blocks
from fenqun.pipeline.finetuning.goal import RIVALS, Goal
from fenqun.pipeline.finetuning.learning import Judged, Learned, Learner
from fenqun.pipeline.finetuning.moments import Floats, Moments
from fenqun.pipeline.phases import Phases
from fenqun.progress import Progress, Silent
from fenqun.schema import USER
from fenqun.settings import load_config
from fenqun.store import Run, explain_io

REPORT = "report.json"


def finetune_run(
    run: Run,
    target: str,
    folder: Path | None = None,
    *,
    unfrozen: bool = False,
    progress: Progress | None = None,
) -> tuple[Path, dict[str, Any]]:
    """Learn a target on the user vectors of a finished run, and predict it for every user.

    What users do over a horizon (churn, value, events, next category) is learned from rolled earlier cuts: vectors
    as of each cut, outcomes after it. The latest cut judges heads that were fitted on the earlier ones, on the vectors
    of encoders that had not seen its future where the run has such; where there is one cut only, users are held out in
    turn. A column of the user table is learned as of now, users held out in turn. Then a head is fitted on everything
    and applied to vectors as of now. Vectors hold taste, the rhythm's aggregates and, where the run trained a sequence
    encoder, intent: a head picks what it needs, whatever the gate chose for segments.

    Parameters
    ----------
    run
        A finished run; nothing in it changes but ``folder``.
    target
        ``churn``, ``value``, ``events``, ``next_category`` or a name among the settings' ``targets``.
    folder
        Where ``predictions.parquet``, ``report.json``, ``head/`` and, where tuning won and changed the
        encoder, ``intent/`` go; None: ``finetuned/TARGET`` in the run.
    unfrozen
        Also tune the sequence encoder; it is kept only where it is better on users held out.
    progress
        Listener.

    Returns
    -------
    (folder, report)
        Where it went, and what ``report.json`` says.

    Raises
    ------
    LeakError
        If the target is a label.
    ConfigError
        If there is no such target, or nothing to unfreeze.
    QualityError
        If the log cannot tell, or there are too few users.
    RunError
        If the folder holds something else, or cannot be written.
    """
    progress = progress or Silent()
    config = load_config(run.require("config.yaml"))
    phases = Phases(config, run)
    goal = Goal.named(target, config, phases.splits, phases.store.has, phases.targets)
    if unfrozen and not isinstance(Blocks.of(run, "final", _blocks(run)).intent, IntentEncoder):
        raise ConfigError(
            "this run keeps no sequence encoder that can be tuned: there is nothing to unfreeze",
            where="--unfrozen",
            mend="leave it out, or run with vectors.gate=false and an intent backbone such as gru",
        )
    folder = folder or run.artifact("finetuned") / (re.sub(r"[^\w\-]+", "_", goal.name) or "target")
    with explain_io(folder):
        if folder.exists() and not (folder.is_dir() and ((folder / REPORT).is_file() or not any(folder.iterdir()))):
            raise RunError(
                "holds something that is no fine-tuned head", where=str(folder), mend="choose another --out"
            )
        folder.parent.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(prefix=".partial-", dir=folder.parent) as spill,
            threadpool_limits(limits=1),
        ):
            settings = config.run
            engine = DuckDBEngine(settings.threads, settings.memory, config.data.timezone, spill=Path(spill))
            try:
                return folder, _learned(Moments(run, config, engine, goal), folder, unfrozen, progress)
            finally:
                engine.close()


def _blocks(run: Run) -> tuple[str, ...]:
    """Return the blocks that the run has for all of its events; the first phase may have tried one more."""
    return ("taste", "rhythm", *(["intent"] if run.artifact("work/intent/final").is_dir() else []))


def _learned(moments: Moments, folder: Path, unfrozen: bool, progress: Progress) -> dict[str, Any]:
    run, config, goal = moments.run, moments.config, moments.goal
    learner = Learner(moments.past, goal, config, progress)
    phase: Phase = "final" if goal.horizon is None else judging_phase(moments.phases.splits, moments.past[-1].time)
    judged = learner.judge(Blocks.of(run, phase, _blocks(run)), unfrozen)
    learned = learner.learn(Blocks.of(run, "final", _blocks(run)), judged.kept)
    told = learned.predict(moments.now, config, goal)
    report = _report(moments, learner, phase, judged, learned)
    with Run(folder.parent).writing(folder.name) as partial:
        partial.mkdir()
        Run(partial).write_table(
            "predictions.parquet", predictions_table(moments.phases.store.users, learned.head, told)
        )
        learned.head.save(partial / "head")
        if learned.epoch and learned.encoders.intent is not None:
            learned.encoders.intent.save(partial / "intent")
        Run(partial).write_json(REPORT, report)
    return report


def judging_phase(splits: Splits, latest: int) -> Phase:
    """Return the phase with the most events whose encoders have seen nothing at or after a moment.

    The first phase where none is early enough: its encoders have seen least.
    """
    return "judge" if splits.now("judge") <= latest else "select"


def predictions_table(users: pa.Array, head: Head | CategoryRanker, told: Floats) -> pa.Table:
    """Return one row a user: ``prediction``, and of classes the probability of each, ``p_CLASS``."""
    if head.kind == "value":
        return pa.table({USER: users, "prediction": told})
    likely = [head.classes_[code] for code in told.argmax(axis=1)]
    return pa.table(
        {USER: users, "prediction": likely} | {f"p_{name}": told[:, j] for j, name in enumerate(head.classes_)}
    )


def _report(moments: Moments, learner: Learner, phase: Phase, judged: Judged, learned: Learned) -> dict[str, Any]:
    goal, splits = moments.goal, moments.phases.splits
    past = moments.past
    later, head = len(past) > 1, learned.head
    return {
        "target": goal.name,
        "of": goal.of,
        "kind": learned.head.kind,
        "horizon_days": None if goal.horizon is None else round(goal.horizon / 86400, 2),
        "run": moments.run.read_manifest().id,
        "seed": learner.seed,
        "moments": [{"time": iso(m.time), "users": len(m.users), "known": int(_known(m.target))} for m in past],
        "judged": {
            "on": "later time" if later else "users held out",
            "n": judged.n,
            "encoders": phase,
            "encoders_saw_later": goal.horizon is not None and splits.now(phase) > past[-1].time,
        },
        "competitor": RIVALS[goal.of],
        "figures": judged.figures,
        "difference": judged.differences,
        "kept": judged.kept,
        "validation_loss": judged.validation,
        "epochs": judged.epochs if learned.epoch is None else [*judged.epochs, learned.epoch],
        "head": head.figures if isinstance(head, CategoryRanker) else asdict(head.report_),
        "predicted_as_of": iso(moments.now.time),
    }


def _known(target: Any) -> int:
    if target.dtype == object:
        return sum(value is not None for value in target)
    return int(np.isfinite(target).sum())
