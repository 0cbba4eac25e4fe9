"""Stage that asks whether what a search chose on validation time is better on test time too, which it never saw."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fenqun.behaviour.intent.encoders import make_encoder
from fenqun.behaviour.rhythm import RhythmEncoder
from fenqun.behaviour.taste import TasteEncoder
from fenqun.config import Config
from fenqun.data.splits import LEARNED, Phase
from fenqun.evaluation.intervals import from_error
from fenqun.pipeline.blocks import TasteFitter, block_weights, categories_now, fit_intent
from fenqun.pipeline.context import Context, StageOutput
from fenqun.pipeline.judging import Labels, PhaseJudge
from fenqun.pipeline.phases import Floats, Phases, text_cache
from fenqun.pipeline.search_verdict import names_of
from fenqun.pipeline.searching import given_settings
from fenqun.progress import Silent
from fenqun.segmentation.clusterers.catalogue import make_clusterer
from fenqun.vectors.fusion import Fusion
from fenqun.vectors.reduction import Reducer


def confirm_search(context: Context) -> StageOutput:
    """Fit the settings as given as well, and compare the segments of both on test time.

    Both learn on train and validation time and are cut by the clusterer, with the number of segments, that was chosen for the
    settings that the search took. Nothing is decided here: the settings stay, and the report says what came out.
    """
    config, run = context.config, context.run
    record = run.stage_record("search")
    if record is None or not record.figures.get("trial"):
        return StageOutput(())  # no search, or it left the settings as they were
    given = given_settings(config, run)
    theirs = segments_on_test(context, given, record.figures["worth"]["given"]["blocks"])
    ours = np.asarray(run.read_table("work/judged.parquet")["learned"].to_numpy(), dtype=np.int64)
    judge = PhaseJudge(Phases(config, run), "judge")
    leads = {
        name: lead_on_test(judge, judge.order[0] if name == "goal" else name, ours, theirs)
        for name in names_of(config.search.objective)
    }
    known = [lead["low"] for lead in leads.values() if lead["low"] is not None]
    confirmed = bool(min(known) > 0) if known else None
    outcome = {True: "confirmed", False: "not confirmed", None: "cannot be judged"}[confirmed]
    context.progress.note(f"search: on test time {outcome}: {leads}")
    figures = {"confirmed": confirmed, "leads": leads, "k": len(np.unique(ours)), "given_k": len(np.unique(theirs))}
    return StageOutput((), figures)


def lead_on_test(judge: PhaseJudge, name: str, ours: Labels, theirs: Labels) -> dict[str, Any]:
    """Return the lead of segments over others in one figure, with its 95 % interval over users.

    Plain values for JSON; null where the log cannot say.
    """
    told: dict[str, Any] = {"figure": name, "gain": None, "low": None, "high": None, "n": len(ours)}
    if not judge.judges(name):
        return told
    gain, error = judge.lead(name, ours, theirs)
    if not (math.isfinite(gain) and math.isfinite(error)):
        return told
    low, high = from_error(gain, error)
    return told | {"gain": round(gain, 6), "low": round(low, 6), "high": round(high, 6)}


def segments_on_test(context: Context, given: Config, names: list[str]) -> Labels:
    """Return the segments that settings give on the judge phase, cut as the run's own are.

    Parameters
    ----------
    context
        A run that has segments.
    given
        Settings, which may be others than the run's.
    names
        Blocks that the gate kept for them.

    Returns
    -------
    ndarray
        (n,) segment of each active user.
    """
    blocks = _blocks(context, given, names)
    weights = {name: weight for name, weight in block_weights(given).items() if name in blocks}
    fused = Fusion(weights).fit_transform(blocks)
    settings = given.vectors
    X = Reducer(settings.components, given.run.seed, settings.reducer).fit_transform(fused)
    choice = context.run.read_json("work/choices.json")["learned"]
    clusterer = make_clusterer(
        choice["clusterer"], choice["k"], seed=given.run.seed, parameters=choice["parameters"]
    )
    labels: Labels = clusterer.fit(X).predict(X)
    return labels


def _blocks(context: Context, given: Config, names: list[str]) -> dict[str, Floats]:
    """Return the blocks that the gate kept for the settings as given, of the active users."""
    run, phases = context.run, Phases(given, context.run)
    active = phases.active("judge")
    blocks: dict[str, Floats] = {}
    if "taste" in names or "intent" in names:
        fitter, settings = TasteFitter(context, phases), given.behaviour.taste
        first = fitter.fit(TasteEncoder(settings), "select", Silent())
        taste = fitter.fit(TasteEncoder(settings, chosen=first.chosen), "judge", Silent())
        if "taste" in names:
            blocks["taste"] = taste.transform(phases.counts("judge")[active])
        if "intent" in names:
            blocks["intent"] = _intent(phases, given, {"select": first, "judge": taste})[active]
    if "rhythm" in names:
        rhythm = RhythmEncoder.load(run.require("work/rhythm/judge"))
        blocks["rhythm"] = rhythm.transform(phases.profiles("judge"), categories_now(phases, "judge"))[active]
    return blocks


def _intent(phases: Phases, given: Config, tastes: dict[Phase, TasteEncoder]) -> Floats:
    """Train the sequence encoder of the settings as given: one fit chooses on validation time, the other takes that over."""
    cache, chosen = text_cache(phases.run), None
    for phase, taste in tastes.items():
        encoder = make_encoder(given.behaviour.intent, chosen, cache)
        fit_intent(encoder, phases, phase, taste.item_table, given, Silent())
        chosen = encoder.chosen
    return encoder.transform(phases.store, LEARNED["judge"], now=phases.splits.shared_now("judge"))
