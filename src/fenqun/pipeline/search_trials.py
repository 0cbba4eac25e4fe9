"""What settings are worth on validation time: the road as far as its segments, on train time only."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from scipy.sparse import csr_matrix

from fenqun.behaviour.intent.encoders import make_encoder
from fenqun.behaviour.rhythm import RhythmEncoder
from fenqun.behaviour.taste import TasteEncoder
from fenqun.config import Config
from fenqun.data.splits import LEARNED
from fenqun.errors import ConfigError
from fenqun.pipeline.blocks import TasteFitter, block_weights, categories_now, fit_intent, no_intent
from fenqun.pipeline.context import Context
from fenqun.pipeline.judging import PhaseJudge
from fenqun.pipeline.phases import Floats, Phases, text_cache
from fenqun.pipeline.search_segments import Segmented, segmented
from fenqun.pipeline.search_worth import Worth, worth
from fenqun.progress import Silent

_KEPT = 8
"""Taste encoders that are kept in memory for trials that share their settings."""


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
        blocks = self._plain(config)
        if self._has_intent(config):
            if config.search.intent:
                if blocks and unpromising(self._worth(config, blocks, self._halfway)):
                    return None
                own = config != self.given
                blocks["intent"] = self._train_intent(config, self._taste(config)) if own else self._intent
            else:
                blocks["intent"] = self._intent
        return self._worth(config, blocks, self._reference)

    # -- judging -------------------------------------------------------------------------------

    def _worth(self, config: Config, blocks: dict[str, Floats], given: Segmented) -> Worth:
        found = given if config == self.given else segmented(config, blocks, self.judge)
        return worth(self.judge, found.at(found.k), given.at(found.k), found.blocks)

    @cached_property
    def _reference(self) -> Segmented:
        """Segments of the settings as given, with which those of every trial are compared."""
        blocks = self._plain(self.given)
        if self._has_intent(self.given):
            blocks["intent"] = self._intent
        return segmented(self.given, blocks, self.judge)

    @cached_property
    def _halfway(self) -> Segmented:
        """The same before a sequence model is trained."""
        return segmented(self.given, self._plain(self.given), self.judge)

    # -- blocks --------------------------------------------------------------------------------

    def _plain(self, config: Config) -> dict[str, Floats]:
        """Return the blocks that no sequence model makes."""
        weights = block_weights(config)
        blocks: dict[str, Floats] = {}
        if "taste" in weights and (taste := self._taste(config)).informative:
            blocks["taste"] = taste.transform(self._counts)
        if "rhythm" in weights:
            blocks["rhythm"] = self._rhythm
        return blocks

    def _has_intent(self, config: Config) -> bool:
        return no_intent(self.phases, config) is None

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
