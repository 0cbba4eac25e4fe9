"""Stage that finds the segments: trials on validation, a judged fit, and the published one."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fenqun.data.splits import Phase
from fenqun.errors import ConfigError
from fenqun.evaluation.external import external_metrics
from fenqun.evaluation.internal import internal_metrics
from fenqun.pipeline.context import Context, StageOutput
from fenqun.pipeline.earlier import Earlier
from fenqun.pipeline.handover import Handover, hand_over
from fenqun.pipeline.judging import PhaseJudge
from fenqun.pipeline.phases import Phases
from fenqun.segmentation.continuing import keep_choice
from fenqun.segmentation.inputs import Inputs
from fenqun.segmentation.memberships import memberships_table
from fenqun.segmentation.rule import Floats
from fenqun.segmentation.segmentation import Assignment, Segmentation
from fenqun.segmentation.selection import Selection, least_size, select
from fenqun.segmentation.strategies import available, features, make_strategy
from fenqun.store import Run

TOLD_K = ("kmeans", "minibatch_kmeans", "ward", "gaussian_mixture")
"""Clusterers that are told how many segments to find: rivals are compared at the published number."""
IDENTITY = ("identity.json", "migration.parquet")
"""What a run leaves that goes on from another."""
TRIAL_SAMPLE = 2000
"""Users for the internal metrics of a trial: they only break ties."""


def strategy_inputs(phases: Phases, phase: Phase) -> Inputs:
    """Return what the strategies may look at: the active users of a phase."""
    active = phases.active(phase)
    profiles = phases.profiles(phase).filter(pa.array(active))
    codes, names = phases.store.categories
    return Inputs(
        profiles=profiles,
        counts=phases.counts(phase)[active],
        category_codes=codes.astype(np.int64),
        category_names=names,
        attributes=[name for name in profiles.column_names if name.startswith("attr_")],
        learned=phases.reduced(phase)[active].astype(np.float64),
        external=_external(phases, active),
    )


def _external(phases: Phases, active: npt.NDArray[np.bool_]) -> list[str | None] | None:
    given = phases.user_columns("work/external.parquet")
    return list(given["segment"][active]) if given else None


def segment_users(context: Context) -> StageOutput:
    """Try on the select phase, refit the choice on the judge phase, publish it from the final one."""
    config, run = context.config, context.run
    phases = Phases(config, run)
    primary = config.strategy
    earlier = Earlier.of(config, run)
    selections = _select(context, phases, earlier)
    run.write_table("trials.parquet", pa.concat_tables([chosen.table() for chosen in selections.values()]))

    inputs = strategy_inputs(phases, "judge")
    judged = {
        name: _refit(selections[name], features(name, inputs), context).predict(features(name, inputs))
        for name in selections
    }
    run.write_table("work/judged.parquet", pa.table({name: pa.array(labels) for name, labels in judged.items()}))
    run.write_json("work/choices.json", {name: _choice(selections[name]) for name in selections})

    segmentation, assignment, noise = _publish(context, phases, selections[primary], earlier)
    active = phases.active("judge")
    agreement = external_metrics(assignment.labels[active], judged[primary], config.run.seed).ari
    figures = {
        "strategy": primary,
        "k": len(segmentation.ids),
        "clusterer": selections[primary].chosen.clusterer,
        "why": selections[primary].chosen.why,
        "rejected": selections[primary].marked,
        "agreement": round(float(agreement), 4),
        "noise": int(noise.sum()),
        "not_available": {
            name: reason
            for name, reason in available(inputs).items()
            if reason and (name != "external" or config.segmentation.external is not None)
        },
    }
    artifacts = (
        "trials.parquet",
        "work/judged.parquet",
        "work/choices.json",
        "segmentation",
        "memberships.parquet",
        *(IDENTITY if earlier is not None else ()),
    )
    return StageOutput(artifacts, figures)


def earlier_segments(context: Context) -> str | None:
    """Return the fingerprint of the segments that the run goes on from, None where it stands alone."""
    earlier = Earlier.of(context.config, context.run)
    return None if earlier is None else earlier.fingerprint()


def _select(context: Context, phases: Phases, earlier: Earlier | None) -> dict[str, Selection]:
    """Choose clusterer and k for the published strategy, then the clusterer of each rival at that k."""
    config = context.config
    inputs = strategy_inputs(phases, "select")
    judge = PhaseJudge(phases, "select")
    offered = available(inputs)
    primary = config.strategy
    if offered[primary]:
        raise ConfigError(f"strategy {primary} cannot run: {offered[primary]}", where="strategy")

    def internal(X: Any, labels: Any) -> dict[str, float]:
        return internal_metrics(X, labels, TRIAL_SAMPLE, config.run.seed)

    def run_trials(name: str, k: int | None) -> Selection:
        told = [name for name in config.segmentation.clusterers if name in TOLD_K] or ["kmeans"]
        context.progress.note(f"segmentation: {name}")
        return select(
            features(name, inputs),
            judge,
            config.segmentation,
            order=judge.order,
            internal=internal,
            clusterers=["given"] if name == "external" else None if k is None else told,
            ks=None if k is None else (k,),
            strategy=name,
            reducer=config.vectors.reducer if name == "learned" else "none",
            seed=config.run.seed,
            progress=context.progress,
        )

    selections = {primary: run_trials(primary, None)}
    if earlier is not None and earlier.strategy[0] == primary:
        selections[primary] = keep_choice(selections[primary], earlier.segmentation, judge.order)
    k = selections[primary].chosen.k
    rivals = [name for name, reason in offered.items() if name != primary and reason is None]
    return selections | {name: run_trials(name, k) for name in rivals}


def _refit(selection: Selection, X: Any, context: Context) -> Any:
    return selection.refit(X, seed=context.config.run.seed, threads=1)


def _choice(selection: Selection) -> dict[str, Any]:
    chosen = selection.chosen
    return {"clusterer": chosen.clusterer, "parameters": chosen.parameters, "k": chosen.asked or chosen.k}


def _publish(
    context: Context, phases: Phases, selection: Selection, earlier: Earlier | None
) -> tuple[Segmentation, Assignment, npt.NDArray[np.bool_]]:
    """Fit on everything, number the segments, and write them with every user's membership."""
    run = context.run
    inputs = strategy_inputs(phases, "final")
    strategy = make_strategy(selection.strategy).fit(inputs)
    X = strategy.transform(inputs)
    if earlier is None:
        clusterer = _refit(selection, X, context)
        segmentation = Segmentation.from_clusterer(
            clusterer, X, name=selection.chosen.clusterer, parameters=selection.chosen.parameters
        )
        noise = np.asarray(clusterer.labels_) < 0
        _take_back_identity(run)
    else:
        handed = _hand_over(context, phases, selection, X, earlier)
        segmentation, noise = handed.segmentation, handed.noise
    with run.writing("segmentation") as folder:
        segmentation.save(folder)
        state = {"name": selection.strategy, "state": strategy.to_dict()}
        (folder / "strategy.json").write_text(
            json.dumps(state, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
        )
    assignment = segmentation.assign(X)
    users = phases.store.users
    run.write_table("memberships.parquet", memberships_table(users, segmentation.ids, assignment, noise))
    return segmentation, assignment, noise


def _hand_over(context: Context, phases: Phases, selection: Selection, X: Floats, earlier: Earlier) -> Handover:
    """Go on from the earlier run, and write what became of its segments."""
    name, state = earlier.strategy
    before = make_strategy(name).restore(state)
    vectors = before.transform(strategy_inputs(Phases(earlier.config, earlier.run), "final"))
    least = least_size(len(X), context.config.segmentation)
    handed = hand_over(earlier, vectors, selection, X, phases.store, least, context.config.run.seed)
    context.run.write_json("identity.json", handed.record)
    context.run.write_table("migration.parquet", handed.migration)
    earlier.pass_given_names(context.run)
    return handed


def _take_back_identity(run: Run) -> None:
    """Remove the record of an earlier request, which must not linger."""
    for name in IDENTITY:
        run.remove(name)
