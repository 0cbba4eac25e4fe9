"""Every kind of change can be said, with the items it has and without."""

from __future__ import annotations

from typing import get_args

import pytest

from fenqun.explanation.counterfactual import Change, ChangeKind
from fenqun.explanation.phrases import Phrase
from fenqun.explanation.telling import tell_change

NAMES = {"S02": Phrase("Tea drinkers", "爱喝茶")}
SAID = {
    "add_item": "3 more events of “green tea”, to S02 (Tea drinkers)",
    "add_topic": "3 more events of green tea, to S02 (Tea drinkers)",
    "add_list": "3 more events, of the items on green tea's list, to S02 (Tea drinkers)",
    "leave": "without “green tea” (3 events), to S02 (Tea drinkers)",
    "leave_items": "without “green tea” (3 events), to S02 (Tea drinkers)",
    "wait": "no event for 3 more days, to S02 (Tea drinkers)",
    "worth": "each event worth 3 times as much, to S02 (Tea drinkers)",
}


@pytest.mark.parametrize("kind", get_args(ChangeKind))
def test_a_change_is_said_in_both_languages(kind: ChangeKind) -> None:
    texts = [] if kind in ("wait", "worth") else ["green tea"]
    change = Change(kind=kind, what="green tea", size=3.0, items=texts, texts=texts, to_id="S02", margin=0.1)
    told = tell_change(change, NAMES)
    assert told.en.lower() == SAID[kind].lower()
    assert told.zh.endswith("，则进入S02（爱喝茶）") and "3" in told.zh
