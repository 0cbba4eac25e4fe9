"""Texts of the report by key; a key without both languages cannot be written."""

from __future__ import annotations

from fenqun.report.said import Said
from fenqun.report.texts.clicks import CLICKS
from fenqun.report.texts.frame import FRAME
from fenqun.report.texts.judgement import JUDGEMENT
from fenqun.report.texts.plays import PLAYS
from fenqun.report.texts.recommending import RECOMMENDING
from fenqun.report.texts.segments import SEGMENTS

WORDS: dict[str, Said] = {**FRAME, **SEGMENTS, **JUDGEMENT, **RECOMMENDING, **PLAYS, **CLICKS}


def say(key: str, **values: object) -> Said:
    """Return a text by key, with values put in.

    >>> say("n_users", n="2,000").en
    'n = 2,000'

    Raises
    ------
    KeyError
        If there is no such text.
    """
    return WORDS[key].fill(**values)
