"""The report says who behaves differently where, of the segments of which there is something to say."""

from __future__ import annotations

import pyarrow as pa

from fenqun.report.artifacts import Artifacts
from fenqun.report.contexts import contexts_view
from fenqun.schema import ContextCategory, ContextTable, ContextTotal, ContextValue, Manifest, SegmentContext
from fenqun.settings import load_config


def artifacts(contexts: ContextTable | None) -> Artifacts:
    config = load_config({"data": {"events": {"path": "log.csv", "user": "u", "time": "t"}}})
    manifest = Manifest(id="1", status="done", seed=7, fingerprint="", versions={})
    names = pa.table({"segment_id": ["S01", "S02"], "name_en": ["Readers", "Cooks"], "name_zh": ["读者", "厨师"]})
    return Artifacts(config=config, settings="", manifest=manifest, segments=names, contexts=contexts)


def segment(name: str, differ: int, values: list[ContextValue]) -> SegmentContext:
    return SegmentContext(
        segment_id=name, context="weekend", tested=100, differ=differ, low=0.1, high=0.3, values=values
    )


def table(*segments: SegmentContext, tested: int = 200) -> ContextTable:
    total = ContextTotal(context="weekend", users=250, tested=tested, differ=sum(one.differ for one in segments))
    return ContextTable(
        false_discovery=0.1,
        min_events=5,
        min_visits=3,
        draws=999,
        least_users=10,
        totals=[total],
        segments=list(segments),
    )


def test_no_contexts_no_section() -> None:
    assert contexts_view(artifacts(None)) is None


def test_segments_with_users_who_differ_are_told() -> None:
    books = ContextCategory(category="Books", z=3.0, here=0.6, elsewhere=0.2)
    value = ContextValue(value="weekend", users=18, elsewhere=12, to_id="S02", categories=[books])
    view = contexts_view(artifacts(table(segment("S01", 20, [value]), segment("S02", 0, []))))
    assert view is not None
    assert [(line.label.en, line.tested, line.differ, line.share) for line in view.lines] == [
        ("Between weekdays and weekends", "200", "20", "10.0%")
    ]
    (told,) = view.segments
    assert (told.id, told.name.zh) == ("S01", "读者")
    assert "more Books on weekends" in told.sentences[0].en and "厨师" in told.sentences[0].zh
    assert "999" in view.how.en and "999" in view.how.zh


def test_nobody_tested_reads_well() -> None:
    view = contexts_view(artifacts(table(segment("S01", 0, []), tested=0)))
    assert view is not None and view.segments == []
    assert (view.lines[0].share, view.lines[0].interval) == ("–", "")
