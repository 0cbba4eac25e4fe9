"""A feed: impressions with positions and propensities, views with their length, likes, comments, shares, follows, friends.

A user has a type, the topic they love (news, entertainment, sports and others), and perhaps a second one that shows on
another device. Each topic has two circles of items that no catalogue names, and each user keeps to one of them: who looks at
categories alone does not see that. Users search for what they love, and react to what a feed shows them, of which every position, policy and
propensity is known. Topics drift, and items of some topics (news) are forgotten in days.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from fenqun.data.simulation.base import Tables, item_ids, session_ids, user_ids, wall_clock
from fenqun.data.simulation.catalogues import headlines
from fenqun.data.simulation.draws import Bools, Floats, Ints, Sessions, draw_sessions, pauses, sums_by
from fenqun.data.simulation.feed import CIRCLES, DAYS, EXAMINED, OWN, POLICIES, REACTIONS, SLOTS, World
from fenqun.data.simulation.friends import draw_friends
from fenqun.data.simulation.population import Interests, classified, followed, labels, log_negative_binomial
from fenqun.data.simulation.titled import Titled
from fenqun.data.simulation.words import CITIES

TIERS = ("core", "regular", "occasional")
TIER_SHARES = np.array([0.15, 0.35, 0.50])
VISITS = np.array([2.6, 1.1, 0.45])
"""How often a tier comes, relative to one another."""
SPREAD = 6.0
TABLET, FEED, PER_VISIT = 0.4, 0.3, 3.0
"""Share of visits on the tablet, and of visits in which the feed is read; views of the others."""


@dataclass(frozen=True)
class Feed(Titled):
    """Users of a feed; each category of given titles is a topic and a type."""

    items: int = 2000

    scenario = "social"
    note = "impressions.parquet holds what the feed showed, at which position, how likely that was, and what was clicked."

    @cached_property
    def world(self) -> World:
        """What all users share."""
        return World(self.catalogue(headlines), tuple(self.random(part=part) for part in (1, 2, 3)))

    @cached_property
    def interests(self) -> Interests:
        """Types, named by the topic they love."""
        return Interests(self.world.catalogue.names)

    @property
    def _rates(self) -> Floats:
        """(n_tiers,) mean visits a day."""
        sizes = self.interests.sizes
        opened = SLOTS * sizes @ (self.world.policies["popular"] + self.world.policies["uniform"]) / 2
        views = FEED * opened + (1 - FEED) * PER_VISIT
        per_visit = views * float(1 + sizes @ self.world.reactions.sum(axis=1))
        return np.asarray(VISITS / (TIER_SHARES @ VISITS) * self.per_user / per_visit / DAYS)

    def shared(self) -> Tables:
        """``items`` (item_id, title, category, published) and ``items_truth`` (item_id, appeal, circle)."""
        catalogue = self.world.catalogue
        ids = item_ids(len(catalogue.titles))
        return {
            "items": pa.table(
                {
                    "item_id": ids,
                    "title": list(catalogue.titles),
                    "category": pa.array(catalogue.names, pa.string()).take(pa.array(catalogue.topic)),
                    "published": wall_clock(self.world.published * 86_400),
                }
            ),
            "items_truth": pa.table({"item_id": ids, "appeal": self.world.appeal, "circle": self.world.circle + 1}),
        }

    # -- users -------------------------------------------------------------------------------

    def block(self, index: int) -> Tables:
        """``events``, ``users``, ``links``, ``impressions`` and ``truth`` of a block."""
        random, members = self.random(index), self.members(index)
        n = len(members)
        first, second = self.interests.draw(random, n)
        circle = random.integers(0, CIRCLES, n)
        tier = random.choice(len(TIERS), n, p=TIER_SHARES)
        rate = self._rates[tier] * random.gamma(SPREAD, 1 / SPREAD, n)
        sessions = draw_sessions(random, rate, DAYS, np.ones(n), TABLET, DAYS)
        taste = followed(first, second, sessions.owner, sessions.elsewhere)
        feed = random.random(len(sessions.owner)) < FEED
        searched = self._search(random, sessions, taste, circle, feed)
        shown = self._show(random, sessions, taste, feed)
        views = _joined(searched, shown)
        reacted = random.random((len(views.visit), 4)) < self.world.reactions[taste[views.visit]]
        ids, visits = user_ids(members), session_ids(members, sessions.owner)
        kinds = self._guess(sessions, searched, shown, views, reacted, n)
        leaning = np.bincount(sessions.owner[searched.visit], 2 * self.world.circle[searched.item] - 1, minlength=n)
        count = np.bincount(sessions.owner, minlength=n)[:, None]
        activity = np.log(TIER_SHARES) + log_negative_binomial(count, self._rates * DAYS, SPREAD)
        truth = pa.table(
            {
                "user_id": ids,
                "type": self.interests.labels(first),
                "second_type": self.interests.labels(second),
                "circle": labels(self.world.circles, first * CIRCLES + circle),
                "tier": labels(TIERS, tier),
                "best_type": self.interests.labels(kinds),
                "best_circle": labels(self.world.circles, kinds * CIRCLES + (leaning > 0)),
                "best_tier": labels(TIERS, activity.argmax(axis=1)),
                "visits_per_day": rate,
            }
        )
        friend, other = draw_friends(random, first * CIRCLES + circle, members)
        silent = np.setdiff1d(np.arange(n), sessions.owner[views.visit])
        return {
            "events": self._events(random, ids, visits, sessions, views, reacted, silent),
            "users": self._users(random, truth),
            "links": pa.table({"user_id": user_ids(friend), "friend_id": user_ids(other)}),
            "impressions": self._impressions(ids, sessions, shown, reacted[len(searched.visit) :]),
            "truth": truth,
        }

    def _search(
        self, random: np.random.Generator, sessions: Sessions, taste: Ints, circle: Ints, feed: Bools
    ) -> _Views:
        """Views of what users look for themselves."""
        size = np.where(feed, 0, 1 + random.poisson(PER_VISIT - 1, len(feed)))
        visit = np.repeat(np.arange(len(size)), size)
        day = sessions.day[visit]
        late = random.random(len(visit)) < day / DAYS
        topic = self.world.topics.draw(random, taste[visit] * 2 + late)
        own = random.random(len(visit)) < OWN
        part = topic * CIRCLES + (circle[sessions.owner[visit]] + ~own) % CIRCLES
        return _Views(visit, self.world.in_circle.draw(random, day, part), pauses(random, visit))

    def _show(self, random: np.random.Generator, sessions: Sessions, taste: Ints, feed: Bools) -> _Shown:
        """What the feed showed, and what was opened. Each position is drawn alone, so that propensities are exact."""
        visit = np.repeat(np.flatnonzero(feed), SLOTS)
        position = np.tile(np.arange(SLOTS), int(feed.sum()))
        day = sessions.day[visit]
        policy = np.repeat(random.integers(0, 2, int(feed.sum())), SLOTS)
        by_day = np.sort(self.world.published)
        out = np.searchsorted(by_day, day, side="right")
        any_item = np.argsort(self.world.published, kind="stable")[
            (random.random(len(visit)) * out).astype(np.int64)
        ]
        item = np.where(policy == 0, self.world.popular.draw(random, day), any_item)
        propensity = np.where(policy == 0, self.world.popular.shares[day, item], 1 / out)
        chance = (
            EXAMINED[position]
            * self.world.clicks[taste[visit], self.world.catalogue.topic[item]]
            * self.world.appeal[item]
        )
        clicked = random.random(len(visit)) < chance
        return _Shown(visit, position, policy, item, propensity, clicked, 3 * position + pauses(random, visit, 30))

    def _events(
        self,
        random: np.random.Generator,
        ids: pa.Array,
        visits: Ints,
        sessions: Sessions,
        views: _Views,
        reacted: Bools,
        silent: Ints,
    ) -> pa.Table:
        view = np.concatenate([np.arange(len(views.visit)), np.nonzero(reacted)[0]])
        kind = np.concatenate([np.zeros(len(views.visit), np.int64), 1 + np.nonzero(reacted)[1]])
        visit, item = views.visit[view], views.item[view]
        time = sessions.start[visit] + views.after[view] + kind
        # Who only scrolled past has one short view, so that everybody is in the log.
        alone = np.searchsorted(sessions.owner, silent)
        visit, kind = np.append(visit, alone), np.append(kind, np.zeros(len(alone), np.int64))
        item = np.append(item, self.world.popular.draw(random, sessions.day[alone]))
        time = np.append(time, sessions.start[alone] + 900)
        seconds = np.minimum(np.round(np.exp(random.normal(3.4, 0.8, len(kind))), 1), 3600.0)
        order = np.lexsort([item, kind, time, sessions.owner[visit]])
        visit, kind, item, time, seconds = (x[order] for x in (visit, kind, item, time, seconds))
        return pa.table(
            {
                "user_id": ids.take(pa.array(sessions.owner[visit])),
                "item_id": item_ids(len(self.world.appeal)).take(pa.array(item)),
                "timestamp": wall_clock(time),
                "event_type": pa.array(("view", *REACTIONS), pa.string()).take(pa.array(kind)),
                "duration": pa.array(seconds, mask=kind > 0),
                "session": visits[visit],
                "device": pa.array(("phone", "tablet")).take(pa.array(sessions.elsewhere[visit].astype(np.int64))),
            }
        )

    def _impressions(self, ids: pa.Array, sessions: Sessions, shown: _Shown, reacted: Bools) -> pa.Table:
        converted = np.zeros(len(shown.visit), dtype=bool)
        converted[shown.clicked] = reacted.any(axis=1)
        return pa.table(
            {
                "user": ids.take(pa.array(sessions.owner[shown.visit])),
                "item": item_ids(len(self.world.appeal)).take(pa.array(shown.item)),
                "time": wall_clock(sessions.start[shown.visit] + shown.after),
                "position": pa.array(shown.position + 1, pa.int32()),
                "clicked": shown.clicked,
                "converted": converted,
                "propensity": shown.propensity,
                "policy": pa.array(POLICIES, pa.string()).take(pa.array(shown.policy)),
            }
        )

    def _users(self, random: np.random.Generator, truth: pa.Table) -> pa.Table:
        n = truth.num_rows
        return pa.table(
            {
                "user_id": truth["user_id"],
                "city": pa.array(CITIES[self.language], pa.string()).take(pa.array(random.integers(0, 4, n))),
                "app_version": random.integers(3, 8, n),
                "type": truth["type"],
                "circle": truth["circle"],
                "tier": truth["tier"],
            }
        )

    # -- truth -------------------------------------------------------------------------------

    def _guess(
        self, sessions: Sessions, searched: _Views, shown: _Shown, views: _Views, reacted: Bools, n: int
    ) -> Ints:
        """Return the most probable type of each user, given everything that was logged."""
        kinds, topic = len(self.world.catalogue.names), self.world.catalogue.topic
        late = sessions.day[searched.visit] / DAYS
        shares = self.world.topics.shares.reshape(kinds, 2, kinds)[:, :, topic[searched.item]]
        asked = np.log(shares[:, 0] * (1 - late) + shares[:, 1] * late).T
        chance = self.world.clicks[:, topic[shown.item]] * (
            EXAMINED[shown.position] * self.world.appeal[shown.item]
        )
        opened = np.where(shown.clicked, np.log(chance), np.log1p(-chance)).T
        yes, no = np.log(self.world.reactions), np.log1p(-self.world.reactions)
        liked = reacted @ (yes - no).T + no.sum(axis=1)
        visit = np.concatenate([searched.visit, shown.visit, views.visit])
        likely = np.concatenate([asked, opened, liked])
        away = sessions.elsewhere[visit]
        here, there = (sums_by(sessions.owner[visit[on]], likely[on], n) for on in (~away, away))
        return np.asarray(self.interests.log_posterior(here, there).argmax(axis=1))

    def settings(self) -> dict[str, Any]:
        """Columns of the log, links and impressions, labels ``type``, ``circle`` and ``tier``."""
        further = {"duration": "duration", "context": ["device"]}
        tree = self.common_settings(further, ["type", "circle", "tier"], ["city", "app_version"])
        if self.users > 1:
            tree["data"]["links"] = {"path": "links.parquet", "user": "user_id", "friend": "friend_id"}
        columns = ("user", "item", "time", "position", "clicked", "converted", "propensity", "policy")
        tree["data"]["impressions"] = {"path": "impressions.parquet"} | {name: name for name in columns}
        return tree

    def figures(self, truth: pa.Table) -> dict[str, Any]:
        """Best guesses of type, circle and tier; the true click-through of policies over an average day and position."""
        names = np.asarray(self.world.catalogue.names)
        first, second = (truth[column].to_numpy(zero_copy_only=False) for column in ("type", "second_type"))
        active = truth["visits_per_day"].to_numpy()
        away = TABLET * truth["second_type"].is_valid().to_numpy()
        share = np.array(
            [(active * ((1 - away) * (first == name) + away * (second == name))).sum() for name in names]
        )
        share = share / share.sum()
        return {
            "type": classified(truth, "type"),
            "circle": classified(truth, "circle"),
            "tier": classified(truth, "tier"),
            "click_through": {name: round(float(share @ value), 5) for name, value in self.world.policies.items()},
        }

    def parameters(self) -> dict[str, Any]:
        """All that the probability of a click is made of; ``appeal`` lies in ``items_truth``."""
        return {
            "topics": list(self.world.catalogue.names),
            "tiers": list(TIERS),
            "tier_shares": TIER_SHARES.tolist(),
            "two_sided": self.interests.two_sided,
            "share_of_visits_elsewhere": TABLET,
            "share_of_own_circle": OWN,
            "examined_by_position": np.round(EXAMINED, 6).tolist(),
            "clicks_by_type_and_topic": self.world.clicks.tolist(),
            "reactions": list(REACTIONS),
            "reactions_by_type": np.round(self.world.reactions, 6).tolist(),
        }


@dataclass(frozen=True)
class _Views:
    """What was opened: visit, item, seconds after the visit began."""

    visit: Ints
    item: Ints
    after: Ints


@dataclass(frozen=True)
class _Shown:
    """Positions of the feed: what was shown under which policy, how likely that was, and whether it was opened."""

    visit: Ints
    position: Ints
    policy: Ints
    item: Ints
    propensity: Floats
    clicked: Bools
    after: Ints


def _joined(searched: _Views, shown: _Shown) -> _Views:
    """Views of both ways; those from the feed come last."""
    opened = shown.clicked
    return _Views(
        np.concatenate([searched.visit, shown.visit[opened]]),
        np.concatenate([searched.item, shown.item[opened]]),
        np.concatenate([searched.after, shown.after[opened] + 1]),
    )
