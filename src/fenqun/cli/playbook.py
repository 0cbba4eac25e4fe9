"""`fenqun playbook`: what to do for whom, and the playbooks that say so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fenqun.cli.printing import AsJson, Language, print_json
from fenqun.errors import ConfigError, RunError
from fenqun.store import Run

if TYPE_CHECKING:
    from fenqun.report.plays import GroupPlays


def playbook(
    run: Annotated[
        Path | None, typer.Argument(help="A finished run directory: what to do for its segments.", metavar="[RUN]")
    ] = None,
    segment: Annotated[
        str | None, typer.Option(help="Segment id, such as S03, M01 or S03.1; a tier's code for all its users.")
    ] = None,
    check: Annotated[
        Path | None, typer.Option(help="Playbook of your own: say whether it is sound.", metavar="FILE")
    ] = None,
    show: Annotated[
        str | None, typer.Option(help="Scenario: print its playbook, to copy and edit.", metavar="SCENARIO")
    ] = None,
    lang: Annotated[Language | None, typer.Option(help="Language of the sentences; else the report's.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what to do for which segment and tier, check a playbook, or show a scenario's.

    Example: `fenqun playbook runs/shop --segment S03`
    """
    from fenqun.recommendation.playbooks import read_playbook
    from fenqun.recommendation.playbooks.reading import built_in_text

    if sum(given is not None for given in (run, check, show)) != 1:
        raise ConfigError("give one of RUN, --check and --show", where="fenqun playbook")
    if show is not None:
        print(built_in_text(show), end="")
    elif check is not None:
        found = read_playbook(check)
        if as_json:
            print_json({"scenario": found.scenario, "entries": [entry.id for entry in found.entries]})
        else:
            print(f"{check}: sound; {len(found.entries)} entries for {found.scenario}")
    elif run is not None:
        _print_plays(Run.open(run), segment, lang, as_json)


def _print_plays(run: Run, segment: str | None, lang: Language | None, as_json: bool) -> None:
    from fenqun.report.artifacts import read_artifacts
    from fenqun.report.plays import plays_view

    found = read_artifacts(run)
    view = plays_view(found)
    if view is None:
        raise RunError("has no plays", where=str(run.path), mend="run again with playbooks.use: extend")
    groups = {**view.groups, **{one.tier: [one] for one in view.tiers}}
    if segment is not None and segment not in groups:
        raise RunError(f"has no segment {segment!r}", where=str(run.path), mend=f"one of {', '.join(groups)}")
    chosen = groups if segment is None else {segment: groups[segment]}
    if as_json:
        rows = found.plays.to_pylist() if found.plays is not None else []
        print_json([row for row in rows if (row["segment_id"] or row["tier"]) in chosen])
        return
    spoken = lang.value if lang else found.config.report.language
    print("\n\n".join("\n".join(_lines(name, own, spoken)) for name, own in chosen.items()))


def _lines(name: str, groups: list[GroupPlays], lang: str) -> list[str]:
    """Return what to do for a group and its tiers as lines."""
    from fenqun.report.words import say

    lines = []
    for group in groups:
        lines.append(f"{name}, {getattr(group.name, lang)}" if group.tier else f"{name} ({group.users})")
        for play in group.plays:
            lines.append(f"  {getattr(play.title, lang)} [{play.id}]")
            lines += [f"    + {getattr(step.text, lang)} ({getattr(step.way, lang)})" for step in play.steps]
            told = [
                ("play_why", play.figures),
                ("play_guard", [play.only] if play.only.en else []),
                ("play_rules", play.rules),
                ("play_measure", [play.measure]),
                ("play_explore", [play.explore] if play.explore.en else []),
            ]
            for key, texts in told:
                lines += [f"    {getattr(say(key), lang)}: {getattr(text, lang)}" for text in texts]
        if not group.plays:
            lines.append(f"  {getattr(group.nothing, lang)}")
        lines += [f"  {getattr(say('play_near'), lang)}: {getattr(miss, lang)}" for miss in group.near]
    return lines
