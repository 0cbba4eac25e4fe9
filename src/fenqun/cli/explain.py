"""`fenqun explain`: what a segment is, or why users are in theirs."""

from __future__ import annotations

from typing import Annotated

import typer

from fenqun.cli.explaining import explain_one_segment
from fenqun.cli.printing import AsJson, Language, print_json
from fenqun.cli.publish import RunFolder
from fenqun.errors import ConfigError
from fenqun.store import Run


def explain(
    run: RunFolder,
    users: Annotated[
        list[str] | None, typer.Argument(help="User ids: why these users are in their segments.")
    ] = None,
    segment: Annotated[str | None, typer.Option(help="Segment id, such as S03, M01 or S03.1: what it is.")] = None,
    lang: Annotated[
        Language | None, typer.Option(help="Language of the sentences about users; else the report's.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a segment is, or why users are in theirs and what would move them.

    Example: `fenqun explain runs/shop 1001 1002`
    """
    opened = Run.open(run)
    if (segment is None) == (not users):
        raise ConfigError("give either users or --segment", where="fenqun explain")
    if segment is not None:
        explain_one_segment(opened, segment, as_json)
        return
    _explain_users(opened, users or [], lang, as_json)


def _explain_users(run: Run, users: list[str], lang: Language | None, as_json: bool) -> None:
    """Print why users are where they are, as sentences or as one list of JSON objects."""
    from fenqun.cli.tables import contexts_of, membership_of
    from fenqun.explanation.context_words import tell_user_contexts
    from fenqun.explanation.phrases import Phrase
    from fenqun.explanation.telling import tell_reasons
    from fenqun.pipeline.user_reasons import Reasons

    for user in users:  # all of them, before the first takes its time
        membership_of(run, user)
    rows = run.read_table("segments.parquet", ["segment_id", "name_en", "name_zh"]).to_pylist()
    names = {row["segment_id"]: Phrase(row["name_en"], row["name_zh"]) for row in rows}
    told = []
    with Reasons(run) as reasons:
        spoken = lang.value if lang else reasons.what_if.config.report.language
        for i, user in enumerate(users):
            found = reasons.of(user)
            contexts = contexts_of(run, user)
            told.append(found.model_dump(mode="json") | ({} if contexts is None else {"contexts": contexts}))
            if not as_json:
                sentences = [*tell_reasons(found, names), *tell_user_contexts(contexts or [], names)]
                lines = [getattr(sentence, spoken) for sentence in sentences]
                print("\n".join([*([""] if i else []), *lines]))
    if as_json:
        print_json(told)
