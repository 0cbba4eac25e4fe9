"""Settings of the tiers: of which forecast, and how it is cut."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from fenqun.config.base import Settings


class Tiers(Settings):
    """An ordered cut of users by a predicted value, beside their segments."""

    of: str | None = Field(
        None,
        description="value, events, active, or a target's name; None: value where the log carries it, else events",
    )
    method: Literal["kmeans", "share", "value", "cost", "none"] = Field(
        "kmeans",
        description="kmeans: exact, in one dimension; share: of users; value: at predictions given; "
        "cost: where a contact pays; none: no tiers",
    )
    count: int = Field(3, ge=2, le=26, description="Tiers that kmeans finds, without the potential one")
    shares: tuple[float, ...] = Field(
        (0.1, 0.3), min_length=1, description="Of method share: the highest tier's share of users, then the next's"
    )
    cuts: tuple[float, ...] = Field(
        (), description="Of method value: predictions from which on a tier begins, the smallest first"
    )
    costs: tuple[float, ...] = Field(
        (),
        description="Of method cost: what one contact of each kind costs, the cheapest first, in units of the value",
    )
    uplift: float = Field(
        0.05,
        gt=0,
        description="Of method cost: share by which a contact raises what a user brings; from an experiment",
    )
    potential: bool = Field(
        True, description="Whether users above the lowest tier who bring little now are a tier of their own"
    )

    @model_validator(mode="after")
    def _cuts_make_sense(self) -> Tiers:
        if min(self.shares) <= 0 or sum(self.shares) >= 1:
            raise ValueError(f"shares {list(self.shares)} must be above 0 and leave users for the lowest tier")
        for name, method in (("cuts", "value"), ("costs", "cost")):
            given: tuple[float, ...] = getattr(self, name)
            if self.method == method and not given:
                raise ValueError(f"method {method} needs {name}")
            if list(given) != sorted(set(given)):
                raise ValueError(f"{name} {list(given)} must rise")
        return self
