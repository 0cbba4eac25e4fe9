"""Stages that learn the blocks of the user vector: taste, rhythm and intent."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fenqun import schema
from fenqun.behaviour.foundation import Foundation, Texts
from fenqun.behaviour.intent.encoders import SequenceEncoder, load_encoder, make_encoder
from fenqun.behaviour.intent.event_text import EventTextEncoder
from fenqun.behaviour.rhythm import RhythmEncoder
from fenqun.behaviour.taste import TasteEncoder
from fenqun.config import Config
from fenqun.data.category_history import CategoryHistory, category_history
from fenqun.data.cuts import horizon_seconds, make_cuts
from fenqun.data.splits import JUDGED, LEARNED, Phase
from fenqun.pipeline.context import PHASES, Context, StageOutput
from fenqun.pipeline.phases import Floats, Phases, text_cache
from fenqun.progress import Progress
from fenqun.store import Run


class TasteFitter:
    """Fits set encoders of a run; what all fits read is read once."""

    def __init__(self, context: Context, phases: Phases) -> None:
        config, run = context.config, context.run
        self.config, self.phases = config, phases
        column = run.read_table("item_vectors.parquet", ["vector"])["vector"]
        self.vectors = np.stack(column.to_numpy(zero_copy_only=False))
        self.has_content: npt.NDArray[np.bool_] = np.load(run.require("work/has_content.npy"))
        self.foundation: npt.NDArray[np.float32] | None = None
        if config.behaviour.foundation is not None:
            texts = Texts.encode(config.content, phases.store.texts, text_cache(run), context.progress)
            self.foundation = Foundation.load(config.behaviour.foundation).rows(texts)

    def fit(self, encoder: TasteEncoder, phase: Phase, progress: Progress) -> TasteEncoder:
        """Fit on a phase's learning time; the first phase chooses on validation time."""
        active = self.phases.active(phase)
        return encoder.fit(
            self.phases.counts(phase)[active],
            self.vectors,
            self.has_content,
            validation=self.phases.truth(phase)[active] if phase == "select" else None,
            foundation=self.foundation,
            repeats=self.phases.repeats,
            seed=self.config.run.seed,
            threads=self.config.run.threads,
            progress=progress,
        )


def learn_taste(context: Context) -> StageOutput:
    """Fit the set encoder three times; what the first chose, the others take over."""
    config, run = context.config, context.run
    fitter = TasteFitter(context, Phases(config, run))
    chosen = None
    figures: dict[str, Any] = {}
    for phase in PHASES:
        encoder = fitter.fit(TasteEncoder(config.behaviour.taste, chosen=chosen), phase, context.progress)
        chosen = encoder.chosen
        with run.writing(f"work/taste/{phase}") as folder:
            encoder.save(folder)
        figures[phase] = encoder.figures
    return StageOutput(tuple(f"work/taste/{phase}" for phase in PHASES), figures)


def learn_rhythm(context: Context) -> StageOutput:
    """Scale the aggregates, and learn forecasts on earlier cuts inside each phase."""
    config, run = context.config, context.run
    phases = Phases(config, run)
    horizon = horizon_seconds(config, phases.splits)
    targets = phases.targets
    figures: dict[str, Any] = {"horizon_days": round(horizon / 86400, 2)}
    for phase in PHASES:
        cuts = []
        if config.behaviour.rhythm.forecast and phases.splits.judges_value:
            cuts = make_cuts(
                context.engine,
                run,
                phases.store,
                LEARNED[phase],
                phases.splits.now(phase),
                config,
                horizon,
                targets,
            )
        active = phases.active(phase)
        history = categories_now(phases, phase)
        encoder = RhythmEncoder(config.run.seed).fit(
            phases.profiles(phase).filter(pa.array(active)),
            history.take(np.flatnonzero(active)) if history else None,
            cuts,
            progress=context.progress,
        )
        with run.writing(f"work/rhythm/{phase}") as folder:
            encoder.save(folder)
        figures[phase] = {"cuts": len(cuts), **encoder.figures}
    artifacts = [f"work/rhythm/{phase}" for phase in PHASES]
    if encoder.forecast_ is not None:
        users = phases.store.users
        predictions = encoder.predictions(phases.profiles("final"), categories_now(phases, "final"))
        columns = {name: pa.array(values) for name, values in predictions.values.items()}
        table = pa.table({schema.USER: users, **columns}, schema=schema.forecasts(users.type, list(columns)))
        run.write_table("forecasts.parquet", table)
        artifacts.append("forecasts.parquet")
    else:  # forecasts of an earlier request must not linger
        run.artifact("forecasts.parquet").unlink(missing_ok=True)
    return StageOutput(tuple(artifacts), figures)


def categories_now(phases: Phases, phase: Phase) -> CategoryHistory | None:
    """Return all users' categories as of a phase's now; None where the log has none."""
    if not phases.store.has["categories"]:
        return None
    return category_history(
        phases.store, LEARNED[phase], phases.splits.now(phase), phases.config.profiles.half_lives
    )


def try_intent(context: Context) -> StageOutput:
    """Train the sequence encoder on train time; whether it is worth more is the gate's to say."""
    config, run = context.config, context.run
    phases = Phases(config, run)
    folder = "work/intent/select"
    reason = no_intent(phases, config)
    if reason:
        run.remove(folder)
        return StageOutput((), {"why_not": reason})
    encoder = _fit_intent(context, phases, "select", make_encoder(config.behaviour.intent, cache=text_cache(run)))
    return StageOutput((folder,), encoder.figures)


def no_intent(phases: Phases, config: Config) -> str | None:
    """Say in a code why settings train no sequence encoder on a log; None where they do."""
    if config.behaviour.intent.backbone == "none":
        return "switched_off"
    if config.vectors.weights.intent == 0:
        return "no_weight"
    if phases.store.n_items < 2:
        return "one_item"
    return None


def refit_intent(context: Context) -> StageOutput:
    """Train the sequence encoder for the other phases, as the first chose, where the gate kept it."""
    config, run = context.config, context.run
    phases = Phases(config, run)
    later: tuple[Phase, ...] = ("judge", "final")
    kept = "intent" in run.read_json("work/blocks.json")["weights"]
    if not kept:
        for phase in later:
            run.remove(f"work/intent/{phase}")
        return StageOutput((), {"kept": False})
    chosen = load_encoder(run.require("work/intent/select")).chosen
    figures: dict[str, Any] = {"kept": True}
    for phase in later:
        encoder = _fit_intent(
            context, phases, phase, make_encoder(config.behaviour.intent, chosen, text_cache(run))
        )
        figures[phase] = encoder.figures
    return StageOutput(tuple(f"work/intent/{phase}" for phase in later), figures)


def _fit_intent(context: Context, phases: Phases, phase: Phase, encoder: SequenceEncoder) -> SequenceEncoder:
    run = context.run
    table = TasteEncoder.load(run.require(f"work/taste/{phase}")).item_table
    fit_intent(encoder, phases, phase, table, context.config, context.progress)
    with run.writing(f"work/intent/{phase}") as folder:
        encoder.save(folder)
    return encoder


def fit_intent(
    encoder: SequenceEncoder,
    phases: Phases,
    phase: Phase,
    item_table: npt.NDArray[np.float32],
    config: Config,
    progress: Progress,
) -> SequenceEncoder:
    """Train a sequence encoder on a phase's learning time; the first phase chooses on validation time."""
    if isinstance(encoder, EventTextEncoder):
        return encoder.fit(phases.store, LEARNED[phase], progress)
    return encoder.fit(
        phases.store,
        LEARNED[phase],
        item_table,
        judged=JUDGED[phase] if phase == "select" else None,
        now=phases.splits.shared_now(phase),
        repeats=phases.repeats,
        seed=config.run.seed,
        device=config.run.device,
        progress=progress,
    )


@dataclass(frozen=True)
class Blocks:
    """The encoders of one phase, as far as they exist.

    Attributes
    ----------
    intent
        None where no sequence encoder was trained for the phase, or it was not asked for.
    """

    taste: TasteEncoder
    rhythm: RhythmEncoder
    intent: SequenceEncoder | None

    @classmethod
    def of(cls, run: Run, phase: Phase, names: Collection[str]) -> Blocks:
        """Load what the stages of the blocks left for a phase; the sequence encoder only where it is asked for."""
        folder = run.artifact(f"work/intent/{phase}")
        return cls(
            TasteEncoder.load(run.require(f"work/taste/{phase}")),
            RhythmEncoder.load(run.require(f"work/rhythm/{phase}")),
            load_encoder(folder, text_cache(run)) if "intent" in names and folder.is_dir() else None,
        )

    def vectors(self, phases: Phases, phase: Phase, names: Collection[str]) -> dict[str, Floats]:
        """Embed all users by the blocks that are asked for and have something to say."""
        found: dict[str, Floats] = {}
        if "taste" in names and self.taste.informative:
            found["taste"] = self.taste.transform(phases.counts(phase))
        if self.intent is not None:
            now = phases.splits.shared_now(phase)
            found["intent"] = self.intent.transform(phases.store, LEARNED[phase], now=now)
        if "rhythm" in names:
            found["rhythm"] = self.rhythm.transform(phases.profiles(phase), categories_now(phases, phase))
        return found


def block_weights(config: Config) -> dict[str, float]:
    """Return the blocks that the settings give a weight."""
    return {name: weight for name, weight in config.vectors.weights.model_dump().items() if weight > 0}
