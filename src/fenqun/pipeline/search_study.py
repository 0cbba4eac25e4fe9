"""The study: trials drawn one after another, each written down before the next.

Trials are drawn by a tree-structured Parzen estimator (Bergstra et al. 2011, NeurIPS, section 4) that is seeded anew
for every trial, from the run's seed and the trial's number: what is drawn depends on the trials before it and on
nothing else. So a search that was cut off goes on as if nothing had happened, and one that is asked for more trials
keeps those it has.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from fenqun.config import Config
from fenqun.pipeline.context import Context
from fenqun.pipeline.dependencies import foundation_files, list_settings
from fenqun.pipeline.search_space import DECIMALS, Choice, Parameter, Settings, Value, given, with_settings
from fenqun.pipeline.search_trials import Evaluator
from fenqun.pipeline.search_verdict import Tried, told, values
from fenqun.pipeline.search_worth import Worth
from fenqun.store import digest

RECORD = "work/search.json"

STARTUP = 8
"""Trials drawn at random before the estimator has enough to go by."""
PRUNING_AFTER = 4
"""Finished trials from which on a trial below their median is given up before its sequence model is trained."""

_SALT = 6151


def trial_settings(config: Config) -> Any:
    """Return the settings that trials depend on, as plain values; how many there are to be is none of them."""
    tree = config.model_dump(mode="json")
    return [
        {name: value for name, value in tree["search"].items() if name != "trials"},
        {name: tree["behaviour"][name] for name in ("taste", "intent")},
        foundation_files(config),
        {name: tree["vectors"][name] for name in ("weights", "gate", "components", "reducer")},
        list_settings(config),
        {
            name: tree["segmentation"][name]
            for name in ("clusterers", "k", "k_min", "k_max", "min_size", "max_noise")
        },
        config.run.device,
    ]


class Study:
    """Draws, judges and records trials.

    Parameters
    ----------
    context
        The run; its settings are trial 0.
    evaluator
        Judges settings.
    space
        What is searched.
    """

    def __init__(self, context: Context, evaluator: Evaluator, space: tuple[Parameter, ...]) -> None:
        self.context, self.evaluator, self.space = context, evaluator, space
        self.config, self.search = context.config, context.config.search

    def run(self) -> list[Tried]:
        """Go on from the trials that are written down, until there are as many as the settings ask for."""
        import optuna

        wanted, progress = self.search.trials, self.context.progress
        tried = self._written()[:wanted]
        self._write(tried)
        with _quiet():
            study = optuna.create_study(
                directions=["maximize"] * (2 if self.search.objective == "both" else 1),
                pruner=optuna.pruners.MedianPruner(n_startup_trials=PRUNING_AFTER),
            )
            for trial in tried:
                study.add_trial(self._replayed(trial))
            progress.begin("search", wanted, "trials")
            progress.advance(len(tried))
            for number in range(len(tried), wanted):
                tried.append(self._next(study, number))
                self._write(tried)
                progress.advance(1)
                progress.note(f"search: trial {number} of {wanted - 1}: {told(tried[-1], self.search.objective)}")
            progress.end()
        return tried

    def _next(self, study: Any, number: int) -> Tried:
        """Draw settings, judge them, and tell the study."""
        import optuna

        seed = int(np.random.SeedSequence([self.config.run.seed, _SALT, number]).generate_state(1)[0])
        study.sampler = optuna.samplers.TPESampler(n_startup_trials=STARTUP, seed=seed)
        start = given(self.config, self.space)
        if number == 0:
            study.enqueue_trial({path: _code(value) for path, value in start.items()})
        trial = study.ask(self._distributions())
        settings = start if number == 0 else self._read(trial.params)
        halfway: list[float] = []

        def unpromising(worth: Worth) -> bool:
            if self.search.objective == "both":  # the study prunes by one objective only
                return False
            halfway.extend(figure for figure in values(worth, self.search.objective) if math.isfinite(figure))
            for figure in halfway:
                trial.report(figure, 0)
            return bool(halfway) and number > 0 and bool(trial.should_prune())

        worth = self.evaluator(with_settings(self.config, settings), unpromising)
        found = Tried.of(dict(trial.params), settings, worth, halfway, self.search.objective)
        figures = found.values(self.search.objective) if found.state == "finished" else None
        study.tell(trial, figures, state=_state(found))
        return found

    def _replayed(self, trial: Tried) -> Any:
        """Return a trial that is written down as the study keeps it."""
        import optuna

        return optuna.trial.create_trial(
            params=trial.drawn,
            distributions=self._distributions(),
            values=trial.values(self.search.objective) if trial.state == "finished" else None,
            intermediate_values={} if trial.halfway is None else {0: trial.halfway},
            state=_state(trial),
        )

    def _distributions(self) -> dict[str, Any]:
        from optuna.distributions import CategoricalDistribution, FloatDistribution

        return {
            parameter.path: CategoricalDistribution([_code(value) for value in parameter.values])
            if isinstance(parameter, Choice)
            else FloatDistribution(parameter.low, parameter.high)
            for parameter in self.space
        }

    def _read(self, drawn: Mapping[str, Any]) -> Settings:
        """Return settings as they are used from what was drawn."""
        settings: Settings = {}
        for parameter in self.space:
            value = drawn[parameter.path]
            if isinstance(parameter, Choice):
                settings[parameter.path] = next(one for one in parameter.values if _code(one) == value)
            else:
                settings[parameter.path] = round(float(value), DECIMALS)
        return settings

    # -- the record ----------------------------------------------------------------------------

    def _key(self) -> str:
        """Digest of what a trial depends on."""
        records = [self.context.run.stage_record(name) for name in ("profiles", "content", "rhythm")]
        return digest(
            [
                [record.fingerprint for record in records if record],
                trial_settings(self.config),
                self.config.run.seed,
                [STARTUP, PRUNING_AFTER],
            ]
        )

    def _written(self) -> list[Tried]:
        if not self.context.run.artifact(RECORD).is_file():
            return []
        record = self.context.run.read_json(RECORD)
        return [Tried.from_dict(trial) for trial in record["trials"]] if record["key"] == self._key() else []

    def _write(self, tried: list[Tried]) -> None:
        trials = [trial.to_dict() for trial in tried]
        self.context.run.write_json(RECORD, {"key": self._key(), "trials": trials})


def _code(value: Value) -> int | float | bool | str:
    """Return a value as the study can hold it."""
    return json.dumps(value) if isinstance(value, tuple) else value


def _state(trial: Tried) -> Any:
    from optuna.trial import TrialState

    return {"finished": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}[trial.state]


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave what is said of trials to the run's own listener."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
