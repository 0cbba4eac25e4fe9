"""A shop: views with their length, carts, purchases with prices, returns, promotions, and tiers of known value.

A customer has a type (what they like), perhaps a second one that shows on the laptop, and a tier (what they are worth),
which has no bearing on the type. Tiers differ in how often customers come, how that changes, how dear the shelf is that
they look at, how often they buy what they look at, what a promotion does to them, and what they send back.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from fenqun.data.simulation.base import Tables, item_ids, session_ids, user_ids, wall_clock
from fenqun.data.simulation.catalogues import products
from fenqun.data.simulation.draws import (
    DAY,
    Bools,
    Floats,
    Ints,
    Sessions,
    draw_sessions,
    pauses,
    sums_by,
)
from fenqun.data.simulation.population import (
    Interests,
    classified,
    followed,
    labels,
    log_binomial,
    log_negative_binomial,
)
from fenqun.data.simulation.shop import DAYS, DISCOUNT, HORIZON, TYPES, World
from fenqun.data.simulation.titled import Titled
from fenqun.data.simulation.words import CITIES

TIERS = ("high", "potential", "ordinary")
TIER_SHARES = np.array([0.15, 0.25, 0.60])
VISITS = np.array([1.6, 0.95, 0.85])
"""How often a tier comes, relative to one another."""
LATER = np.array([1.0, 1.6, 0.95])
"""Factor on visits in the second half of the log; those in the first have ``2 - LATER``."""
PREMIUM = np.array([0.65, 0.35, 0.20])
"""Probability that a view is of the dear shelf of its category."""
CART = np.array([0.40, 0.32, 0.25])
BUY = np.array([[0.60, 0.66], [0.42, 0.70], [0.40, 0.48]])
"""Probability to buy what lies in the cart, by tier: without and with a promotion."""
RETURN = np.array([0.10, 0.05, 0.06])
SPREAD = 3.0
"""Shape of the gamma distribution of single customers around their tier's visits."""
LAPTOP, PER_VISIT = 0.4, 3.0
"""Share of visits on the laptop; views of a visit."""
_RETURNS = 500_000  # number of a user's first return: what is sent back days later is a visit of its own


@dataclass(frozen=True)
class Shop(Titled):
    """Customers of a shop."""

    scenario = "ecommerce"
    note = "promotions.parquet says when which category was cheaper; the log marks the events."

    @cached_property
    def world(self) -> World:
        """What all customers share."""
        return World(self.catalogue(products), tuple(self.random(part=part) for part in (1, 2, 3)))

    @cached_property
    def interests(self) -> Interests:
        """Types, named by their main category, and numbered where several share one."""
        names = self.world.catalogue.names
        main = [names[t % len(names)] for t in range(TYPES)]
        nth = [main[: t + 1].count(name) for t, name in enumerate(main)]
        shared = [main.count(name) > 1 for name in main]
        return Interests(tuple(f"{m} {i}" if s else m for m, i, s in zip(main, nth, shared, strict=True)))

    @property
    def _per_view(self) -> float:
        """Events that come of a view, the view included."""
        weight = TIER_SHARES * VISITS
        share = weight / weight.sum()
        return float(1 + share @ (CART * (1 + BUY[:, 0] * (1 + RETURN))))

    @property
    def _rates(self) -> Floats:
        """(n_tiers,) mean visits a day."""
        mean = self.per_user / (self._per_view * PER_VISIT)
        return np.asarray(VISITS / (TIER_SHARES @ VISITS) * mean / DAYS)

    def shared(self) -> Tables:
        """``items`` (item_id, title, category, price) and ``promotions`` (category, starts, ends, discount)."""
        return self.world.tables()

    def block(self, index: int) -> Tables:
        """``events``, ``users`` and ``truth`` of a block."""
        random, members = self.random(index), self.members(index)
        n = len(members)
        first, second = self.interests.draw(random, n)
        tier = random.choice(len(TIERS), n, p=TIER_SHARES)
        rate = self._rates[tier] * random.gamma(SPREAD, 1 / SPREAD, n)
        sessions = draw_sessions(random, rate, DAYS + HORIZON, LATER[tier], LAPTOP, DAYS)
        views = self._views(random, sessions, first, second, tier)
        sold = views.bought & (views.day >= DAYS)
        spend = np.bincount(views.owner[sold], views.paid[sold], minlength=n)
        ids = user_ids(members)
        truth = {
            "user_id": ids,
            "type": self.interests.labels(first),
            "second_type": self.interests.labels(second),
            "tier": labels(TIERS, tier),
            "best_type": self.interests.labels(self._guess_type(views, n)),
            "best_tier": labels(TIERS, self._guess_tier(sessions, views, n)),
            "visits_per_day": rate * LATER[tier],
            "future_spend": np.round(spend, 2),
        }
        return {
            "events": self._events(random, members, ids, sessions, views),
            "users": self._users(random, truth),
            "truth": pa.table(truth),
        }

    def _views(
        self, random: np.random.Generator, sessions: Sessions, first: Ints, second: Ints, tier: Ints
    ) -> _Views:
        size = 1 + random.poisson(PER_VISIT - 1, len(sessions.owner))
        visit = np.repeat(np.arange(len(size)), size)
        owner = sessions.owner[visit]
        taste = followed(first, second, sessions.owner, sessions.elsewhere)[visit]
        day = sessions.day[visit]
        dear = random.random(len(visit)) < PREMIUM[tier[owner]]
        late = random.random(len(visit)) < np.minimum(day / DAYS, 1)
        item = self.world.tastes.draw(random, (taste * 2 + late) * 2 + dear)
        promoted = self.world.promoted[self.world.catalogue.topic[item], day]
        cart = random.random(len(visit)) < CART[tier[owner]]
        bought = cart & (random.random(len(visit)) < BUY[tier[owner], promoted.astype(np.int64)])
        quantity = 1 + random.poisson(0.2, len(visit))
        paid = np.round(self.world.prices[item] * np.where(promoted, 1 - DISCOUNT, 1) * quantity, 2)
        back = bought & (random.random(len(visit)) < RETURN[tier[owner]])
        return _Views(
            visit, owner, day, sessions.elsewhere[visit], item, dear, promoted, cart, bought, back, quantity, paid
        )

    def _events(
        self, random: np.random.Generator, members: Ints, ids: pa.Array, sessions: Sessions, views: _Views
    ) -> pa.Table:
        seconds = sessions.start[views.visit] + pauses(random, views.visit)
        length = np.minimum(np.round(np.exp(random.normal(3.2 + 0.5 * views.cart, 0.7)), 1), 3600.0)
        kinds = (np.ones_like(views.cart), views.cart, views.bought, views.returned)
        # One second apart, so that the steps of a purchase keep their order; returns come days later.
        after = random.integers(2 * DAY, 21 * DAY, len(seconds))
        view = np.concatenate([np.flatnonzero(kind) for kind in kinds])
        kind = np.repeat(np.arange(4), [int(k.sum()) for k in kinds])
        time = seconds[view] + np.where(kind == 3, after[view], kind)
        order = np.lexsort([kind, time, views.owner[view]])
        order = order[time[order] < DAYS * DAY]
        view, kind, time = view[order], kind[order], time[order]
        names = pa.array(("view", "cart", "purchase", "return"), pa.string())
        visit = session_ids(members, sessions.owner)[views.visit[view]]
        visit = np.where(kind == 3, session_ids(members, views.owner)[view] + _RETURNS, visit)
        return pa.table(
            {
                "user_id": ids.take(pa.array(views.owner[view])),
                "item_id": item_ids(len(self.world.prices)).take(pa.array(views.item[view])),
                "timestamp": wall_clock(time),
                "event_type": names.take(pa.array(kind)),
                "value": pa.array(views.paid[view], mask=kind != 2),
                "quantity": pa.array(views.quantity[view].astype(np.float64), mask=kind < 2),
                "duration": pa.array(length[view], mask=kind != 0),
                "session": visit,
                "device": pa.array(("phone", "laptop")).take(pa.array(views.elsewhere[view].astype(np.int64))),
                "promotion": views.promoted[view],
            }
        )

    def _users(self, random: np.random.Generator, truth: dict[str, Any]) -> pa.Table:
        n = len(truth["user_id"])
        city = pa.array(CITIES[self.language], pa.string()).take(pa.array(random.integers(0, 4, n)))
        joined = random.integers(2016, 2024, n)
        return pa.table(
            {
                "user_id": truth["user_id"],
                "city": city,
                "member_since": joined,
                "type": truth["type"],
                "tier": truth["tier"],
            }
        )

    def _guess_type(self, views: _Views, n: int) -> Ints:
        log = np.flatnonzero(views.day < DAYS)
        late = views.day[log] / DAYS
        shares = self.world.tastes.shares.reshape(TYPES, 2, 2, -1)
        shelf, item = views.dear[log].astype(np.int64), views.item[log]
        likely = np.log(shares[:, 0, shelf, item] * (1 - late) + shares[:, 1, shelf, item] * late).T
        away = views.elsewhere[log]
        here, there = (sums_by(views.owner[log][on], likely[on], n) for on in (~away, away))
        return np.asarray(self.interests.log_posterior(here, there).argmax(axis=1))

    def _guess_tier(self, sessions: Sessions, views: _Views, n: int) -> Ints:
        early = np.bincount(sessions.owner[sessions.day < DAYS // 2], minlength=n)
        count = np.bincount(sessions.owner[sessions.day < DAYS], minlength=n)
        score = np.log(TIER_SHARES) + log_negative_binomial(count[:, None], self._rates * DAYS, SPREAD)
        score = score + log_binomial(count - early, count, LATER / 2)
        log = views.day < DAYS

        def tally(chosen: Bools) -> Ints:
            return np.bincount(views.owner[log & chosen], minlength=n)

        score += log_binomial(tally(views.dear), tally(log), PREMIUM) + log_binomial(
            tally(views.cart), tally(log), CART
        )
        for promoted in (0, 1):
            tried = views.cart & (views.promoted == bool(promoted))
            score += log_binomial(tally(tried & views.bought), tally(tried), BUY[:, promoted])
        return np.asarray(score.argmax(axis=1))

    def settings(self) -> dict[str, Any]:
        """Columns of the log, labels ``type`` and ``tier``."""
        columns = {"value": "value", "quantity": "quantity", "duration": "duration", "context": ["device"]}
        tree = self.common_settings(columns, ["type", "tier"], ["city", "member_since"])
        tree["data"]["items"]["price"] = "price"
        return tree

    def figures(self, truth: pa.Table) -> dict[str, Any]:
        """Best guesses of type and tier; mean future spend of each tier."""
        spend, tier = truth["future_spend"].to_numpy(), truth["tier"].to_numpy(zero_copy_only=False)
        means = {t: round(float(spend[tier == t].mean()), 2) for t in TIERS if (tier == t).any()}
        return {
            "type": classified(truth, "type"),
            "tier": classified(truth, "tier"),
            "future_spend_by_tier": means,
        }

    def parameters(self) -> dict[str, Any]:
        """How tiers differ."""
        return {
            "tiers": list(TIERS),
            "tier_shares": TIER_SHARES.tolist(),
            "two_sided": self.interests.two_sided,
            "premium": PREMIUM.tolist(),
            "cart": CART.tolist(),
            "buy_without_and_with_promotion": BUY.tolist(),
            "return": RETURN.tolist(),
            "later_visits": LATER.tolist(),
            "discount": DISCOUNT,
        }


@dataclass(frozen=True)
class _Views:
    """What was looked at and what became of it, one entry a view."""

    visit: Ints
    owner: Ints
    day: Ints
    elsewhere: Bools
    item: Ints
    dear: Bools
    promoted: Bools
    cart: Bools
    bought: Bools
    returned: Bools
    quantity: Ints
    paid: Floats
