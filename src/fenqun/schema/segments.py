"""``segments.parquet``: the JSON in its columns, and names that persons gave."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from fenqun.schema.base import SCHEMA_VERSION, Model


class Driver(Model):
    """One trait in which a segment differs from everyone.

    ``feature`` is a column of the profile (``kind='trait'``), a category (``'category'``) or an
    attribute value (``'attribute'``, written ``column=value``). ``effect`` is Cohen's d for traits
    and the log2 ratio of shares otherwise; ``q`` is the p-value after Benjamini-Hochberg.
    """

    kind: Literal["trait", "category", "attribute"]
    feature: str
    effect: float
    segment: float
    everyone: float
    q: float


class CardItem(Model):
    """An item over-represented in a segment: ``lift`` is share here over share everywhere."""

    item_id: str
    text: str
    category: str | None = None
    users: int
    lift: float


class Card(Model):
    """What a segment is: codes and figures, no sentences."""

    items: list[CardItem]
    hours: list[float]  # 24 shares of the segment's events, local time
    weekdays: list[float]  # 7 shares, Monday first
    traits: dict[str, float]  # medians of readable profile columns
    typical_users: list[str]
    confidence: float  # median over members
    kind: Literal["natural", "reproducible", "constructive"]
    jaccard: float | None = None  # bootstrap stability of this segment, None where not computed


class Claim(Model):
    """What a language model said of a segment, and what held-out events say to it.

    ``feature`` is one of those that the model was shown, else the verdict is ``unknown``. ``value`` and ``everyone`` are held-out
    figures as in :class:`Driver` (for an item: the share of users who took it), ``n`` the users
    behind ``value``; a claim with another verdict than ``holds`` is struck.
    """

    kind: Literal["category", "item", "trait", "attribute"]
    feature: str
    direction: Literal["more", "less"]
    times: float | None = None  # how many times everyone's share, as claimed
    verdict: Literal["holds", "fails", "untested", "unknown"]
    value: float | None = None
    everyone: float | None = None
    q: float | None = None
    n: int = 0


class Naming(Model):
    """Where a segment's name comes from.

    ``reason`` is a code: why the name is not the language model's although one was asked, or why
    its description was left out. ``warnings`` are codes of :mod:`fenqun.explanation.lint` and the
    words that they are about, ``code:word``.
    """

    source: Literal["rules", "model", "person"]
    rule_en: str
    rule_zh: str
    reason: str = ""
    detail: str = ""
    description_en: str = ""
    description_zh: str = ""
    claims: list[Claim] = Field([])
    warnings: list[str] = Field([])


class GivenName(Model):
    """A name that a person gave, in both languages."""

    en: str
    zh: str


class GivenNames(Model):
    """``names.json``: names that persons gave, by segment; nothing but ``fenqun rename`` writes them."""

    schema_version: int = SCHEMA_VERSION
    names: dict[str, GivenName] = Field({})
