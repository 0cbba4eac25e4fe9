"""A playbook: entries of when, what to do, by which rules, and how to tell whether it worked."""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from fenqun.config import Settings
from fenqun.recommendation.playbooks.conditions import Condition, LevelCondition, TierCondition
from fenqun.recommendation.playbooks.refusals import REFUSED_KINDS, credit_or_price_decision
from fenqun.scenarios import ScenarioName

Kind = Literal["show", "message", "offer", "content", "service", "invite", "ask", "teach"]
Channel = Literal["site", "app", "feed", "course", "staff", "email", "push", "sms", "call", "letter"]
CONTACTS = ("email", "push", "sms", "call", "letter")
"""Channels that reach out to a person who did not come by themselves: they need consent and a cap."""

CATEGORIES = "{categories}"
"""Stands in texts for the categories that a group takes more than others."""

_BRACED = re.compile(r"[{}]")
_ID = "^[a-z0-9]+(-[a-z0-9]+)*$"
_TEXT_LIMIT = 400


class Text(Settings):
    """One text in English and Chinese; a plain text is both."""

    en: str = Field(min_length=1, max_length=_TEXT_LIMIT)
    zh: str = Field(min_length=1, max_length=_TEXT_LIMIT)

    @model_validator(mode="before")
    @classmethod
    def _one_language(cls, given: Any) -> Any:
        return {"en": given, "zh": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _placeholders(self) -> Text:
        for text in (self.en, self.zh):
            if _BRACED.search(text.replace(CATEGORIES, "")):
                raise ValueError(f"{text!r} holds a brace; the one placeholder is {CATEGORIES}")
        return self


class Action(Settings):
    """One thing to do, by a channel."""

    kind: Kind
    channel: Channel
    text: Text

    @model_validator(mode="before")
    @classmethod
    def _no_decision(cls, given: Any) -> Any:
        kind = given.get("kind") if isinstance(given, dict) else None
        if isinstance(kind, str) and kind in REFUSED_KINDS:
            raise ValueError(
                f"{kind} is a decision about a person: a playbook shows, offers and invites; people decide"
            )
        return given


class Guard(Settings):
    """What must hold whenever an entry is acted on.

    Attributes
    ----------
    consent
        Whether only people are reached who agreed to it.
    contacts, days
        At most so many contacts within so many days, over all entries together.
    rules
        What holds without exception.
    """

    consent: bool = False
    contacts: int | None = Field(None, ge=1)
    days: int | None = Field(None, ge=1)
    rules: tuple[Text, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _whole_cap(self) -> Guard:
        if (self.contacts is None) != (self.days is None):
            raise ValueError("a cap is contacts and days together")
        return self


class Measure(Settings):
    """The figure that tells whether it worked: against a random control group that is left alone.

    Attributes
    ----------
    kind
        ``rate`` of users (came back, passed), or ``mean`` over users (spend, events).
    control
        Share of the group that is drawn by lot and left alone.
    days
        How long to wait before looking.
    """

    text: Text
    kind: Literal["rate", "mean"]
    better: Literal["higher", "lower"] = "higher"
    days: int = Field(ge=1)
    control: float = Field(ge=0.05, le=0.5)


class Entry(Settings):
    """One play.

    Attributes
    ----------
    priority
        The lower, the earlier; ties by id.
    theme
        Of the entries of one theme that hold for a group, the first is played and the others are outranked; without a
        theme an entry stands alone.
    share_for_exploration
        Of a list or feed: how much of it shows what the group does not take yet.
    """

    id: Annotated[str, Field(pattern=_ID, max_length=60)]
    title: Text
    why: Text
    priority: int = Field(100, ge=0)
    theme: str | None = Field(None, pattern=_ID)
    when: tuple[Condition, ...] = Field(min_length=1)
    do: tuple[Action, ...] = Field(min_length=1)
    guard: Guard
    measure: Measure
    share_for_exploration: float | None = Field(None, gt=0, le=0.5)

    @property
    def tiers(self) -> TierCondition | None:
        """The condition that makes this an entry for tiers."""
        return next((one for one in self.when if isinstance(one, TierCondition)), None)

    @property
    def levels(self) -> tuple[str, ...]:
        """Levels of the hierarchy that it is for."""
        asked = next((one for one in self.when if isinstance(one, LevelCondition)), None)
        return ("segment",) if asked is None else asked.is_

    @model_validator(mode="after")
    def _consistent(self) -> Entry:
        kinds = Counter(one.figure for one in self.when)
        for figure in ("tier", "level"):
            if kinds[figure] > 1:
                raise ValueError(f"when names {figure} twice")
        if kinds["tier"] and kinds["level"]:
            raise ValueError("when asks for a tier and a level: tiers cross segments alone")
        if not kinds["tier"] and kinds.total() == kinds["level"]:
            raise ValueError(
                "when compares no measured figure: entries are matched by figures, never by name alone"
            )
        reach = [action.channel for action in self.do if action.channel in CONTACTS]
        if reach and not (self.guard.consent and self.guard.contacts):
            raise ValueError(
                f"guard: reaching people by {reach[0]} needs consent: true, and contacts and days as a cap"
            )
        return self


class Playbook(Settings):
    """The entries of one scenario."""

    scenario: ScenarioName
    entries: tuple[Entry, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Playbook:
        twice = [name for name, n in Counter(one.id for one in self.entries).items() if n > 1]
        if twice:
            raise ValueError(f"entries: the id {twice[0]!r} is there twice")
        if self.scenario == "finance":
            for entry in self.entries:
                for text in (text for action in entry.do for text in (action.text.en, action.text.zh)):
                    found = credit_or_price_decision(text)
                    if found:
                        raise ValueError(
                            f"entries ({entry.id}): do decides on credit or price ({found!r}): in finance people do, "
                            "a playbook informs, offers and invites"
                        )
        return self

    def entry(self, name: str) -> Entry:
        """Return an entry by its id; KeyError where there is none."""
        return {one.id: one for one in self.entries}[name]
