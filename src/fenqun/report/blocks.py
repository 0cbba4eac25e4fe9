"""The blocks of the user vector in the report: what the gate found, and what each set of blocks is worth."""

from __future__ import annotations

from dataclasses import dataclass

from fenqun.report.artifacts import Artifacts
from fenqun.report.numbers import number, signed
from fenqun.report.said import Said, joined
from fenqun.report.terms import BLOCKS, WORTH, term
from fenqun.report.words import say

_GAIN = ("gain", "standard_error")
_WORTH = tuple(WORTH)
_WHY_NOT = {"switched_off": "intent_off", "no_weight": "intent_off", "one_item": "intent_one_item"}


@dataclass(frozen=True)
class BlockView:
    """One block of the user vector: what validation was with it and without it."""

    name: Said
    kept: bool
    with_it: str
    without_it: str
    words: Said


def gate_blocks(found: Artifacts) -> list[BlockView]:
    """Return what the gate found for each block, empty where there was no choice.

    The stage records the validation figure of ``all`` blocks and ``without A``, then, once A fell,
    ``without A, B``; each block is told against the blocks that stood beside it.
    """
    figures = found.figures("blocks").get("gate") or {}
    dropped = [str(name) for name in figures.get("dropped", ())]
    names = [key.removeprefix("without ") for key in figures if key.startswith("without ") and "," not in key]
    views = []
    for name in sorted(names, key=lambda name: (name in dropped, name)):
        gone = dropped[: dropped.index(name)] if name in dropped else dropped
        if _without([*gone, name]) not in figures:  # the last block standing was told in the first round
            gone = []
        before, after = figures.get(_without(gone)), figures.get(_without([*gone, name]))
        if not isinstance(before, int | float) or not isinstance(after, int | float):
            continue
        kept = name not in dropped
        a, b = f"{before:.3f}", f"{after:.3f}"
        said = say("block_kept" if kept else "block_dropped", a=a, b=b)
        views.append(BlockView(term(BLOCKS, name), kept, a, b, said))
    return [*views, *_intent(found), *_earlier(found)]


def _earlier(found: Artifacts) -> list[BlockView]:
    """Return what became of the blocks of the run before, where the gate chose others."""
    told = found.figures("blocks").get("earlier")
    if not isinstance(told, dict):
        return []
    name = joined([term(BLOCKS, block) for block in told["blocks"]])
    words = say(
        "blocks_earlier_kept" if told["kept"] else "blocks_earlier_left",
        gain=signed(told["gain"]),
        error=number(told["standard_error"]),
    )
    return [BlockView(say("blocks_before", blocks=name), bool(told["kept"]), "", "", words)]


def _intent(found: Artifacts) -> list[BlockView]:
    """Return what the sequence model added, or why there is none."""
    name = term(BLOCKS, "intent")
    told = found.figures("blocks").get("intent")
    if isinstance(told, dict):
        kept = bool(told.get("kept"))
        gain, error = (f"{float(told[key]):+.4f}".replace("+0.", "+.").replace("-0.", "-.") for key in _GAIN)
        said = say("intent_kept" if kept else "intent_dropped", gain=gain, error=error.lstrip("+"))
        return [BlockView(name, kept, "", "", said)]
    why = found.figures("intent").get("why_not")
    if isinstance(why, str) and why in _WHY_NOT:
        return [BlockView(name, False, "", "", say(_WHY_NOT[why]))]
    return []


@dataclass(frozen=True)
class SetView:
    """Segments by one set of blocks: what they were worth on validation time."""

    name: Said
    kept: bool
    figures: list[str]


def block_sets(found: Artifacts) -> tuple[list[Said], list[SetView]]:
    """Return the names of the figures, and a row for each set of blocks that was tried, the best lists first."""
    rows = [row for row in found.figures("blocks").get("sets") or () if isinstance(row, dict)]
    metrics = [name for name in _WORTH if any(name in row for row in rows)]
    kept = sorted(found.figures("blocks").get("weights") or {})
    rows.sort(key=lambda row: (-(row.get("lift") or 0.0), row["blocks"]))
    views = [
        SetView(
            _short(sorted(row["blocks"], key=list(BLOCKS).index)),
            sorted(row["blocks"]) == kept,
            [f"{row[name]:.3f}" if isinstance(row.get(name), int | float) else "–" for name in metrics],
        )
        for row in rows
    ]
    return [term(WORTH, name) for name in metrics], views


def _short(names: list[str]) -> Said:
    whole = [term(BLOCKS, name) for name in names]
    return Said(
        " + ".join(said.en.partition(":")[0] for said in whole),
        " + ".join(said.zh.partition("：")[0] for said in whole),
    )


def _without(names: list[str]) -> str:
    return f"without {', '.join(names)}" if names else "all"
