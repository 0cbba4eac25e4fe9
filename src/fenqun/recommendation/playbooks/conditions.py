"""Conditions of a playbook's entry: typed comparisons with measured figures, nothing that is evaluated.

A person's attributes are not among the figures: what is done for people rests on what they do, so that no entry can
single out an age or a gender.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from fenqun.config import Settings
from fenqun.data.traits import is_aggregate

Role = Literal["high", "middle", "low", "potential"]
"""Tiers by what they are, whatever their number: the highest, those between, the lowest, and potential."""


class _Bounded(Settings):
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _bounds(self) -> _Bounded:
        if self.at_least is None and self.at_most is None:
            raise ValueError("compares with nothing: give at_least, at_most or both")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"at_least {self.at_least:g} is above at_most {self.at_most:g}")
        return self


class TraitCondition(_Bounded):
    """A column of the profiles: Cohen's d against everyone else, the median, or its ratio to everyone's median.

    An effect counts where it is established (q below .05). In a tier of a segment the others are the tier's; a tier as
    a whole has medians alone.
    """

    figure: Literal["trait"]
    of: str
    by: Literal["effect", "median", "ratio"] = "effect"

    @model_validator(mode="after")
    def _known(self) -> TraitCondition:
        if not is_aggregate(self.of):
            raise ValueError(
                f"{self.of!r} is no trait of behaviour; docs/reference/run_directory.md lists them under profiles.parquet"
            )
        return self


class CategoryCondition(_Bounded):
    """A category's mean share of a user's events: as times everyone's, or as it is.

    ``of`` are words of which a category's name carries one, or ``any``. ``times`` counts where it is established. In a
    tier of a segment the category is the segment's.
    """

    figure: Literal["category"]
    of: tuple[str, ...] | Literal["any"] = Field("any", min_length=1)
    by: Literal["times", "share"] = "times"
    least_share: float = Field(0.01, ge=0, le=1, description="Of the events, below which a category does not count")


class ActionCondition(_Bounded):
    """The same of a type of event, such as a comment."""

    figure: Literal["action"]
    of: tuple[str, ...] = Field(min_length=1)
    by: Literal["times", "share"] = "times"
    least_share: float = Field(0.01, ge=0, le=1, description="Of the events, below which a type does not count")


class TierCondition(Settings):
    """The users of one tier: by role or code. Its entry is for tiers, not for segments as wholes."""

    figure: Literal["tier"]
    is_: tuple[str, ...] = Field(alias="is", min_length=1)

    @model_validator(mode="after")
    def _known(self) -> TierCondition:
        for name in self.is_:
            if name not in ("high", "middle", "low", "potential", "TP") and not (
                name.startswith("T") and name[1:].isdigit()
            ):
                raise ValueError(f"{name!r} is no tier: high, middle, low, potential, or a code such as T2")
        return self


class TierShareCondition(_Bounded):
    """Share of the group's users in a tier, or how many times everyone's that is (which must be established)."""

    figure: Literal["tier_share"]
    of: Role
    by: Literal["share", "times"] = "share"


class ExpectedCondition(_Bounded):
    """Mean prediction that tiers are cut on, as times everyone's; it must be established."""

    figure: Literal["expected"]
    by: Literal["times"] = "times"


class SizeCondition(_Bounded):
    """Number of the group's users, or their share of all."""

    figure: Literal["users", "share"]


class LevelCondition(Settings):
    """Level of the hierarchy that the entry is for; without it an entry is for segments and their tiers."""

    figure: Literal["level"]
    is_: tuple[Literal["segment", "macro", "micro"], ...] = Field(alias="is", min_length=1)


Comparison = (
    TraitCondition | CategoryCondition | ActionCondition | TierShareCondition | ExpectedCondition | SizeCondition
)
"""Conditions that compare a number."""


class AnyCondition(Settings):
    """At least one of several comparisons."""

    figure: Literal["any"]
    of: tuple[Annotated[Comparison, Field(discriminator="figure")], ...] = Field(min_length=2)


Condition = Annotated[
    Comparison | TierCondition | LevelCondition | AnyCondition,
    Field(discriminator="figure"),
]
