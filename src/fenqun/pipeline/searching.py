"""Stage that searches for better settings on validation time, and how the stages after it get them."""

from __future__ import annotations

import json

import pyarrow as pa

from fenqun import schema
from fenqun.config import Config
from fenqun.pipeline.context import Context, StageOutput
from fenqun.pipeline.search_space import from_json, parameters, read, with_settings
from fenqun.pipeline.search_study import RECORD, Study
from fenqun.pipeline.search_trials import Evaluator
from fenqun.pipeline.search_verdict import Objective, Tried, choose, reason, told
from fenqun.store import Run

TABLE = "search.parquet"

_PARTS = {"value": "", "se": "_se", "gain": "_gain", "gain_se": "_gain_se"}
"""Part of a figure to the end of its column's name."""


def search_settings(context: Context) -> StageOutput:
    """Try settings on the first phase: train time teaches, validation time judges, labels have no say."""
    config, run = context.config, context.run
    if config.search.trials == 0:
        run.remove(TABLE)
        run.remove(RECORD)
        return StageOutput(())
    evaluator = Evaluator(context)
    evaluator.require_value()
    space = parameters(config, ranks_items=evaluator.judge.ranks_items, has_content=evaluator.has_content)
    trials = Study(context, evaluator, space).run()
    objective = config.search.objective
    number = choose(trials, objective)
    run.write_table(TABLE, _table(trials, number, objective))
    start, winner = trials[0], trials[number]
    outcome = "the settings as given stay" if number == 0 else f"takes the settings of trial {number}"
    context.progress.note(f"search: {outcome}: {told(winner, objective)}, as given {told(start, objective)}")
    figures = {
        "objective": objective,
        "trials": len(trials),
        "pruned": sum(trial.state == "pruned" for trial in trials),
        "trial": number,
        "why": reason(number, number, trials, objective),
        "given": start.settings,
        "chosen": winner.settings,
        "worth": {
            name: None if trial.worth is None else trial.worth.to_dict()
            for name, trial in (("given", start), ("chosen", winner))
        },
    }
    return StageOutput((TABLE, RECORD), figures)


def searched(config: Config, run: Run) -> Config:
    """Return the settings that the search chose, for the stages after it."""
    record = run.stage_record("search")
    return with_settings(config, record.figures["chosen"]) if record and "chosen" in record.figures else config


def given_settings(config: Config, run: Run) -> Config:
    """Return the settings that the search started from, for what is to be compared with its choice."""
    record = run.stage_record("search")
    return with_settings(config, record.figures["given"]) if record and "given" in record.figures else config


def as_given(config: Config, run: Run) -> Config:
    """Take a run's own complete settings back to those that its search started from.

    ``config.yaml`` holds what the search chose. A run with it, in the same directory, is the same run again.
    """
    record = run.stage_record("search")
    if config.search.trials == 0 or not record or "chosen" not in record.figures:
        return config
    chosen = from_json(record.figures["chosen"])
    if any(read(config, path) != value for path, value in chosen.items()):
        return config
    return given_settings(config, run)


def _table(trials: list[Tried], chosen: int, objective: Objective) -> pa.Table:
    rows = []
    for number, trial in enumerate(trials):
        worth = trial.worth.to_dict() if trial.worth else {}
        figures = {name: worth.get(name, {}) for name in ("goal", "lift", "value")}
        rows.append(
            {
                "trial": number,
                "settings": json.dumps(trial.settings),
                "blocks": " + ".join(worth["blocks"]) if worth else None,
                "k": worth.get("k"),
                **{
                    f"{name}{end}": told.get(part) for name, told in figures.items() for part, end in _PARTS.items()
                },
                "state": trial.state,
                "verdict": "chosen" if number == chosen else "lost",
                "why": reason(number, chosen, trials, objective),
            }
        )
    return pa.Table.from_pylist(rows, schema=schema.SEARCH)
