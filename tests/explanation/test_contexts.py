"""Who behaves differently where, by segment, and how it is said."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from fenqun.explanation.context_words import say_where, tell_segment_context, tell_user_contexts
from fenqun.explanation.contexts import LEAST_USERS, ContextUsers, describe_segments, wilson_interval
from fenqun.explanation.phrases import Phrase
from fenqun.schema import SegmentContext

NAMES = {"S01": Phrase("Readers", "读者"), "S02": Phrase("Gardeners", "园丁")}
TOPICS = ["Books", "Garden", "Drama"]


def described(differing: int, n: int = 60) -> list[SegmentContext]:
    """Users of S01 who read on weekdays; some of them garden on weekends, where they are like S02."""
    users = np.repeat(np.arange(n), 2)
    values = np.tile([0, 1], n)
    differs = users < differing
    gardens = differs & (values == 1)
    shares = np.where(gardens[:, None], [0.1, 0.8, 0.1], [0.8, 0.1, 0.1])
    rows = ContextUsers(
        users=users,
        values=values,
        there=gardens.astype(np.int64),
        shares=sparse.csr_matrix(shares),
        tested=np.ones(2 * n, dtype=bool),
        differs=differs,
    )
    labels = np.zeros(n, dtype=np.int64)
    return describe_segments("weekend", ("weekday", "weekend"), rows, labels, ["S01", "S02"], TOPICS)


def test_what_differs_is_told_of_those_who_do() -> None:
    first, second = described(20)
    assert (first.segment_id, first.tested, first.differ) == ("S01", 60, 20)
    assert first.low is not None and first.high is not None and first.low < 1 / 3 < first.high
    weekday, weekend = first.values
    assert [one.category for one in weekend.categories] == ["Garden"]
    assert weekend.categories[0].here == pytest.approx(0.8) and weekend.categories[0].elsewhere == pytest.approx(
        0.1
    )
    assert [one.category for one in weekday.categories] == ["Books"]
    assert (weekend.users, weekend.elsewhere, weekend.to_id) == (20, 20, "S02")
    assert (weekday.elsewhere, weekday.to_id) == (0, None)
    assert (second.tested, second.differ, second.low, second.values) == (0, 0, None, [])


def test_nothing_is_said_of_few() -> None:
    first, _ = described(LEAST_USERS - 1)
    assert first.differ == LEAST_USERS - 1 and first.values == []


def test_sentences_in_both_languages() -> None:
    first, second = described(20)
    said = tell_segment_context(first, NAMES)
    assert said is not None
    assert said.en.startswith(
        "20 of the 60 users who could be tested (22.7% to 45.9%) behave differently between weekdays"
    )
    assert "more Garden on weekends, 20 of 20 then like another segment, mostly S02 (Gardeners)" in said.en
    assert "周末更多园艺，此时 20 名中有 20 名更像其他分群，主要是S02（园丁）" in said.zh
    assert tell_segment_context(second, NAMES) is None
    assert tell_segment_context(described(0)[0], NAMES) is None


def test_a_user_is_told_where_they_differ_and_only_there() -> None:
    def row(context: str, value: str, segment: str, differs: bool) -> dict[str, object]:
        return {
            "context": context,
            "value": value,
            "events": 12,
            "segment_id": segment,
            "p": 0.001,
            "differs": differs,
        }

    rows = [
        row("daypart", "morning", "S01", False),
        row("device", "<b>tv</b>", "S01", True),
        row("device", "phone", "S02", True),
    ]
    (said,) = tell_user_contexts(rows, NAMES)
    assert said.en.startswith("Behaves differently by device (p = 0.001): with device")
    assert (
        "with device phone (12 events) in S02 (Gardeners)" in said.en
        and "device为 phone 时（12 次）属于S02（园丁）" in said.zh
    )
    assert tell_user_contexts([], NAMES) == []
    assert say_where("session", "stock_up").zh == "集中补货时"


def test_intervals_hold_the_share() -> None:
    assert wilson_interval(0, 0) == (None, None)
    assert wilson_interval(0, 20)[0] == 0 and wilson_interval(20, 20)[1] == 1
