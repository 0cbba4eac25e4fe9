"""Stage that judges every strategy on held-out time, at equal numbers of segments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fenqun.evaluation.comparison import Judged, compare
from fenqun.evaluation.external import external_statistics
from fenqun.evaluation.internal import internal_metrics, null_metrics
from fenqun.evaluation.intervals import Floats
from fenqun.evaluation.ranking import coverage
from fenqun.evaluation.stability import Kind, Stability, stability
from fenqun.evaluation.value import value_statistics
from fenqun.pipeline.context import Context, StageOutput
from fenqun.pipeline.fairness import sensitive_figures
from fenqun.pipeline.judging import PhaseJudge
from fenqun.pipeline.metrics import headline
from fenqun.pipeline.naturalness import naturalness
from fenqun.pipeline.phases import Phases
from fenqun.pipeline.reseeding import reseeded
from fenqun.pipeline.segmenting import strategy_inputs
from fenqun.pipeline.structure import structure
from fenqun.schema import Metric
from fenqun.segmentation.clusterers.catalogue import make_clusterer
from fenqun.segmentation.inputs import Inputs
from fenqun.segmentation.strategies import available, features
from fenqun.vectors.fusion import Fusion

Labels = npt.NDArray[np.int64]

POPULARITY, RANDOM = "popularity", "random"
"""Controls beside the strategies."""


@dataclass(frozen=True)
class _Bench:
    """What all strategies are judged with."""

    context: Context
    phases: Phases
    judge: PhaseJudge
    inputs: Inputs
    common: Floats
    truths: dict[str, list[Any]]
    choices: dict[str, dict[str, Any]]

    def fit(self, name: str, X: Floats, seed: int) -> Any:
        """Fit the chosen clusterer of a strategy on other rows."""
        choice = self.choices[name]
        return make_clusterer(choice["clusterer"], choice["k"], seed=seed, parameters=choice["parameters"]).fit(X)


def evaluate_strategies(context: Context) -> StageOutput:
    """Put all strategies side by side: lists, value, shape, stability, labels."""
    config, run = context.config, context.run
    phases = Phases(config, run)
    inputs = strategy_inputs(phases, "judge")
    bench = _Bench(
        context,
        phases,
        PhaseJudge(phases, "judge"),
        inputs,
        _common_space(inputs),
        _truths(phases),
        run.read_json("work/choices.json"),
    )
    labels = {
        name: np.asarray(column) for name, column in run.read_table("work/judged.parquet").to_pydict().items()
    }
    judged = [_popularity(bench)] if bench.judge.ranks_items else []
    judged.append(_random(bench, labels[config.strategy]))
    for name in labels:
        context.progress.note(f"evaluation: {name}")
        judged.append(_judge(bench, name, labels[name]))
    table = compare(judged, repeats=config.evaluation.resamples, seed=config.run.seed)
    run.write_table("comparison.parquet", table)
    published, kind, further = _published_stability(bench)
    metrics = headline(table, labels[config.strategy], published, bench.judge, phases)
    fairness, given_away = sensitive_figures(context, phases)
    apart = structure(bench.judge, labels[config.strategy], config.run.seed)
    figures_of_run = [*metrics.metrics, *further, apart.metric(), *fairness]
    run.write_json("metrics.json", metrics.model_copy(update={"metrics": figures_of_run}))
    figures = {
        "kind": kind,
        "jaccard": {str(segment): round(value, 4) for segment, value in published.jaccard.items()},
        "structure": apart.told(),
        "fairness": given_away,
    }
    return StageOutput(("comparison.parquet", "metrics.json"), figures)


def _common_space(inputs: Inputs) -> Floats:
    """Return one space that belongs to no strategy: the features of all of them, each with equal weight."""
    blocks = {
        name: features(name, inputs)
        for name, reason in available(inputs).items()
        if reason is None and name != "external"
    }
    fusion = Fusion(dict.fromkeys(blocks, 1.0)).fit(blocks)
    return np.asarray(fusion.transform(blocks), dtype=np.float64)


def _truths(phases: Phases) -> dict[str, list[Any]]:
    """Labels by name, one a judged user, None where unknown."""
    active = phases.active("judge")
    return {name: list(column[active]) for name, column in phases.user_columns("work/labels.parquet").items()}


def _popularity(bench: _Bench) -> Judged:
    everyone = np.zeros(int(bench.judge.active.sum()), dtype=np.int64)
    lists, figures = bench.judge.lists(everyone)
    shown = coverage(lists, bench.phases.store.n_items)
    return Judged(POPULARITY, 1, len(everyone), lists=figures, coverage=shown)


def _random(bench: _Bench, labels: Labels) -> Judged:
    """Judge groups of the published sizes that are drawn by lot: what a strategy gains for no reason.

    Where people repeat themselves, each user's own past lifts the list of whatever group they are in.
    """
    drawn = np.random.default_rng(bench.context.config.run.seed).permutation(labels)
    lists = bench.judge.lists(drawn)[1] if bench.judge.ranks_items else {}
    return Judged(RANDOM, len(np.unique(labels)), len(labels), lists=lists, value=_value_statistics(bench, drawn))


def _value_statistics(bench: _Bench, labels: Labels) -> dict[str, Any]:
    outcomes = {f"explained_{name.removeprefix('future_')}": v for name, v in bench.judge.outcomes.items()}
    return value_statistics(labels, outcomes)


def _judge(bench: _Bench, name: str, labels: Labels) -> Judged:
    settings = bench.context.config
    seed, sample = settings.run.seed, settings.evaluation.sample
    X = features(name, bench.inputs)
    lists: Any = {}
    shown = None
    if bench.judge.ranks_items:
        recommended, lists = bench.judge.lists(labels)
        shown = coverage(recommended, bench.phases.store.n_items)
    return Judged(
        strategy=name,
        k=len(np.unique(labels)),
        users=len(labels),
        lists=lists,
        coverage=shown,
        value=_value_statistics(bench, labels),
        labels=_label_statistics(labels, bench.truths, seed),
        shape=internal_metrics(bench.common, labels, sample, seed),
        null=null_metrics(
            bench.common,
            lambda rows, s: bench.fit(name, rows, s).predict(rows),
            seed=seed,
            repeats=1,
            sample=sample,
        )
        if name != "external"
        else {},
        shape_n=min(len(labels), sample),
        stability=None
        if name == "external"
        else stability(
            X,
            lambda rows, s: bench.fit(name, rows, s).predict,
            repeats=settings.evaluation.bootstrap,
            seed=seed,
            labels=labels,
        ),
    )


def _label_statistics(labels: Labels, truths: dict[str, list[Any]], seed: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, truth in truths.items():
        found |= external_statistics(labels, truth, name, seed)
    return found


def _published_stability(bench: _Bench) -> tuple[Stability, Kind, list[Metric]]:
    """Resample the published fit, so that each of its segments has a figure of its own, and fit it with other seeds."""
    from fenqun.segmentation.segmentation import Segmentation

    settings = bench.context.config
    name, seed, repeats = settings.strategy, settings.run.seed, settings.evaluation.bootstrap
    X = features(name, strategy_inputs(bench.phases, "final"))
    segmentation = Segmentation.load(bench.context.run.require("segmentation"))

    def predict(rows: Floats, s: int) -> Any:
        return bench.fit(name, rows, s).predict

    found = stability(X, predict, repeats=repeats, seed=seed, labels=segmentation.rule.labels(X))
    kind, metrics = naturalness(X, predict, found.ari, repeats=repeats, seed=seed)
    metrics += reseeded(lambda rows, s: bench.fit(name, rows, s), segmentation, X, seed)
    return found, kind, metrics
