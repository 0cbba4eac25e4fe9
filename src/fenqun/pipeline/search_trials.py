"""What settings are worth on validation time: the road as far as its segments, on train time only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_matrix

from fenqun.behaviour.intent.encoders import make_encoder
from fenqun.behaviour.rhythm import RhythmEncoder
from fenqun.behaviour.taste import TasteEncoder
from fenqun.config import Config
from fenqun.data.splits import LEARNED
from fenqun.errors import ConfigError
from fenqun.evaluation.value import explained_variance
from fenqun.pipeline.block_sets import BlockSets, keep_blocks
from fenqun.pipeline.blocks import TasteFitter, block_weights, categories_now, fit_intent, no_intent
from fenqun.pipeline.context import Context
from fenqun.pipeline.judging import RESAMPLES, Labels, PhaseJudge
from fenqun.pipeline.phases import Floats, Phases, text_cache
from fenqun.progress import Silent

_KEPT = 8
"""Taste encoders that are kept in memory for trials that share their settings."""


@dataclass(frozen=True)
class Worth:
    """Figures of the segments that settings give, on validation time.

    Attributes
    ----------
    lift, lift_se
        Of the segments' lists over one list for everyone.
    value, value_se
        Share of the variance of future value (or activity) that the segments explain; NaN where the split
        cannot judge it.
    goal, goal_se
        The first figure of the goal.
    blocks
        Blocks that the gate kept.
    """

    lift: float
    lift_se: float
    value: float
    value_se: float
    goal: float
    goal_se: float
    blocks: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; null where a figure has no meaning."""
        return {
            name: None if isinstance(value, float) and not np.isfinite(value) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, tree: dict[str, Any]) -> Self:
        """Read what :meth:`to_dict` wrote."""
        figures = {name: float("nan") if value is None else value for name, value in tree.items()}
        return cls(**(figures | {"blocks": tuple(tree["blocks"])}))


class Evaluator:
    """Judges settings, and keeps what trials have in common.

    Parameters
    ----------
    context
        The run; its settings are those of trial 0.
    """

    def __init__(self, context: Context) -> None:
        self.context, self.given = context, context.config
        self.run = context.run
        self.phases = Phases(context.config, context.run)
        self.active = self.phases.active("select")
        self.judge = PhaseJudge(self.phases, "select")
        self._tastes: dict[str, TasteEncoder] = {}
        self._fitter = TasteFitter(context, self.phases)

    @property
    def has_content(self) -> bool:
        """Whether any item has a text, a picture or a sound."""
        return bool(self._fitter.has_content.any())

    @property
    def outcome(self) -> str | None:
        """The outcome that stands for value; None where the split cannot judge it."""
        return next((name for name in ("future_value", "future_events") if name in self.judge.outcomes), None)

    def require_value(self) -> None:
        """Raise ConfigError where value is asked for and cannot be judged."""
        if self.given.search.objective in ("value", "both") and self.outcome is None:
            raise ConfigError(
                "the split of this log cannot judge future value",
                where="search.objective",
                mend="set it to goal or lift, or splits.method to time",
            )

    def __call__(self, config: Config, unpromising: Callable[[Worth], bool] = lambda worth: False) -> Worth | None:
        """Judge settings.

        Parameters
        ----------
        config
            Settings of the trial.
        unpromising
            Asked before a sequence model is trained for this trial alone; True stops it.

        Returns
        -------
        Worth or None
            None if it was stopped.
        """
        weights = block_weights(config)
        blocks: dict[str, Floats] = {}
        taste = self._taste(config) if weights.get("taste") or weights.get("intent") else None
        if taste is not None and taste.informative and "taste" in weights:
            blocks["taste"] = taste.transform(self._counts)
        if "rhythm" in weights:
            blocks["rhythm"] = self._rhythm
        if no_intent(self.phases, config) is None:
            if config.search.intent:
                if blocks and unpromising(self._worth(config, blocks)):
                    return None
                assert taste is not None
                blocks["intent"] = self._train_intent(config, taste)
            else:
                blocks["intent"] = self._intent
        return self._worth(config, blocks)

    # -- judging -------------------------------------------------------------------------------

    def _worth(self, config: Config, blocks: dict[str, Floats]) -> Worth:
        weights = {name: weight for name, weight in block_weights(config).items() if name in blocks}
        sets = BlockSets(blocks, weights, self.judge, config)
        kept, _ = keep_blocks(sets)
        labels = sets.of(tuple(sorted(kept)))
        figures = self.judge(labels)
        value, value_se = self._value(labels)
        name = self.judge.order[0]
        first = float(figures[name]), float(figures.get(f"{name}_se", float("nan")))
        return Worth(
            float(figures["lift"]), float(figures["lift_se"]), value, value_se, *first, tuple(sorted(kept))
        )

    def _value(self, labels: Labels) -> tuple[float, float]:
        if self.outcome is None:
            return float("nan"), float("nan")
        told = explained_variance(
            labels, self.judge.outcomes[self.outcome], repeats=RESAMPLES, seed=self.given.run.seed
        )
        return float(told.value), float(told.high - told.low) / (2 * 1.96)

    # -- blocks --------------------------------------------------------------------------------

    @cached_property
    def _counts(self) -> csr_matrix:
        return self.phases.counts("select")[self.active]

    @cached_property
    def _rhythm(self) -> Floats:
        encoder = RhythmEncoder.load(self.run.require("work/rhythm/select"))
        return encoder.transform(self.phases.profiles("select"), categories_now(self.phases, "select"))[self.active]

    @cached_property
    def _intent(self) -> Floats:
        """A sequence model on the settings as given, which stands in for those of all trials."""
        return self._train_intent(self.given, self._taste(self.given))

    def _taste(self, config: Config) -> TasteEncoder:
        key = config.behaviour.taste.model_dump_json()
        if key not in self._tastes:
            encoder = self._fitter.fit(TasteEncoder(config.behaviour.taste), "select", Silent())
            while len(self._tastes) >= _KEPT:
                self._tastes.pop(next(iter(self._tastes)))
            self._tastes[key] = encoder
        return self._tastes[key]

    def _train_intent(self, config: Config, taste: TasteEncoder) -> Floats:
        settings = config.behaviour.intent
        smaller = settings.model_copy(update={"events": min(settings.events, config.search.events)})
        encoder = make_encoder(smaller, cache=text_cache(self.phases.run))
        fit_intent(encoder, self.phases, "select", taste.item_table, config, Silent())
        now = self.phases.splits.shared_now("select")
        return encoder.transform(self.phases.store, LEARNED["select"], now=now)[self.active]
