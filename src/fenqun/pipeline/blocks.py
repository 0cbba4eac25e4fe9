"""Stages that learn the blocks of the user vector: taste, rhythm and intent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fenqun import schema
from fenqun.behaviour.foundation import Foundation, Texts
from fenqun.behaviour.intent.encoder import IntentEncoder
from fenqun.behaviour.rhythm import RhythmEncoder
from fenqun.behaviour.taste import TasteEncoder
from fenqun.config import Config
from fenqun.data.category_history import CategoryHistory, category_history
from fenqun.data.cuts import horizon_seconds, make_cuts
from fenqun.data.splits import LEARNED, Phase
from fenqun.pipeline.context import PHASES, Context, StageOutput
from fenqun.pipeline.phases import Floats, Phases
from fenqun.store import Run


def learn_taste(context: Context) -> StageOutput:
    """Fit the set encoder three times; what the first chose, the others take over."""
    config, run = context.config, context.run
    phases = Phases(config, run)
    vectors = np.stack(run.read_table("item_vectors.parquet", ["vector"])["vector"].to_numpy(zero_copy_only=False))
    has_content = np.load(run.require("work/has_content.npy"))
    foundation = None
    if config.behaviour.foundation is not None:
        texts = Texts.encode(config.content, phases.store.texts, run.artifact("work/cache"), context.progress)
        foundation = Foundation.load(config.behaviour.foundation).rows(texts)
    chosen = None
    figures: dict[str, Any] = {}
    for phase in PHASES:
        encoder = TasteEncoder(config.behaviour.taste, chosen=chosen)
        encoder.fit(
            phases.counts(phase)[phases.active(phase)],
            vectors,
            has_content,
            validation=phases.truth(phase)[phases.active(phase)] if phase == "select" else None,
            foundation=foundation,
            repeats=phases.repeats,
            seed=config.run.seed,
            threads=config.run.threads,
            progress=context.progress,
        )
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
    targets = _targets(phases)
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


def _targets(phases: Phases) -> dict[str, npt.NDArray[np.object_]]:
    """Return user columns that may be learned from, one value a user, None where unknown."""
    if not phases.run.artifact("work/targets.parquet").exists():
        return {}
    table = phases.run.read_table("work/targets.parquet")
    rows = phases.store.user_index(table[schema.USER].combine_chunks())
    found = {}
    for name in table.column_names:
        if name == schema.USER:
            continue
        values = np.full(phases.store.n_users, None, dtype=object)
        values[rows[rows >= 0]] = np.array(table[name].to_pylist(), dtype=object)[rows >= 0]
        found[name] = values
    return found


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
    reason = _no_intent(phases)
    if reason:
        run.remove(folder)
        return StageOutput((), {"why_not": reason})
    encoder = _fit_intent(context, phases, "select", IntentEncoder(config.behaviour.intent))
    return StageOutput((folder,), encoder.figures)


def _no_intent(phases: Phases) -> str | None:
    """Say in a code why no sequence encoder is trained; None where one is."""
    if phases.config.behaviour.intent.backbone == "none":
        return "switched_off"
    if phases.config.vectors.weights.intent == 0:
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
    chosen = IntentEncoder.load(run.require("work/intent/select")).chosen
    figures: dict[str, Any] = {"kept": True}
    for phase in later:
        encoder = _fit_intent(context, phases, phase, IntentEncoder(config.behaviour.intent, chosen))
        figures[phase] = encoder.figures
    return StageOutput(tuple(f"work/intent/{phase}" for phase in later), figures)


def _fit_intent(context: Context, phases: Phases, phase: Phase, encoder: IntentEncoder) -> IntentEncoder:
    run = context.run
    encoder.fit(
        phases.store,
        LEARNED[phase],
        TasteEncoder.load(run.require(f"work/taste/{phase}")).item_table,
        truth=phases.truth(phase) if phase == "select" else None,
        now=phases.splits.now(phase) if phases.splits.judges_value else None,
        repeats=phases.repeats,
        seed=context.config.run.seed,
        device=context.config.run.device,
        progress=context.progress,
    )
    with run.writing(f"work/intent/{phase}") as folder:
        encoder.save(folder)
    return encoder


@dataclass(frozen=True)
class Blocks:
    """The encoders of one phase, as far as they exist.

    Attributes
    ----------
    intent
        None where no sequence encoder was trained for the phase.
    """

    taste: TasteEncoder
    rhythm: RhythmEncoder
    intent: IntentEncoder | None

    @classmethod
    def of(cls, run: Run, phase: Phase) -> Blocks:
        """Load what the stages of the blocks left for a phase."""
        folder = run.artifact(f"work/intent/{phase}")
        return cls(
            TasteEncoder.load(run.require(f"work/taste/{phase}")),
            RhythmEncoder.load(run.require(f"work/rhythm/{phase}")),
            IntentEncoder.load(folder) if folder.is_dir() else None,
        )

    def vectors(self, phases: Phases, phase: Phase, names: tuple[str, ...]) -> dict[str, Floats]:
        """Embed all users by the blocks that are asked for and have something to say."""
        found: dict[str, Floats] = {}
        if "taste" in names and self.taste.informative:
            found["taste"] = self.taste.transform(phases.counts(phase))
        if "intent" in names and self.intent is not None:
            found["intent"] = self.intent.transform(phases.store, LEARNED[phase])
        if "rhythm" in names:
            found["rhythm"] = self.rhythm.transform(phases.profiles(phase), categories_now(phases, phase))
        return found


def block_weights(config: Config) -> dict[str, float]:
    """Return the blocks that the settings give a weight."""
    return {name: weight for name, weight in config.vectors.weights.model_dump().items() if weight > 0}
