"""Courses: lectures, homework, quizzes, forum, and a final result that hangs on the first weeks in a known way.

A learner has a type (the subject of their courses; for some the second course is of another one), a style that decides
when they work, and an ability and a diligence that nobody sees. The final score follows from what can be seen of the
first weeks (homework in time, quiz scores, weeks with any activity) by a known law with known noise, so that the best
AUC that anything computed from these weeks can be expected to reach is known as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.special import expit

from fenqun.data.simulation.base import Simulation, Tables, item_ids, user_ids, wall_clock
from fenqun.data.simulation.draws import CLOSES, DAY, OPENS, Bools, Floats, Ints
from fenqun.data.simulation.population import NOBODY, Interests, classified, labels, ranked
from fenqun.data.simulation.syllabus import ACTIVITIES, REGIONS, SUBJECTS, UNIT

WEEKS, EARLY = 16, 8
"""Length of a course, and the weeks from which the result is to be foretold."""
STYLES = ("steady", "crammer", "social", "sporadic")
STYLE_SHARES = np.array([0.35, 0.30, 0.20, 0.15])
ACTIVE = np.array([1.8, 1.2, 1.6, 0.1])
"""Log-odds to do anything in a week, by style; diligence comes on top."""
FORUM = np.array([0.2, 0.1, 1.8, 0.1])
"""Mean visits of the forum in an active week, by style."""
LATE = np.array([0.08, 0.25, 0.12, 0.25])
"""Probability to hand in homework after its deadline, by style."""
LECTURE, HOMEWORK, QUIZ, FORUMS = 2, 0.80, 0.85, 4
OPEN = 0.10
"""Share of lecture views that are of any subject."""
SIGNS = ("homework_in_time", "quiz_mean", "active_weeks")
CENTRES, SCALES = np.array([0.50, 0.58, 0.75]), np.array([0.22, 0.17, 0.20])
WEIGHTS, INTERCEPT = np.array([1.0, 0.8, 0.6]), 0.5
"""Log-odds to pass: the intercept and, for a sign one scale above its centre, its weight."""
PASS, TOP, POINTS = 50.0, 75.0, 12.0
"""Scores that pass and that are top; points for one unit of log-odds."""
TIERS = ("top", "middle", "support")
_LEAVES = 0.5
_SECOND_COURSE = 0.85


@dataclass(frozen=True)
class School(Simulation):
    """Learners of two courses each. ``per_user`` counts the events of the first eight weeks."""

    scenario = "education"
    note = "The log ends with week 8; events_late.parquet holds the later weeks, which no forecast of the result may see."
    least_per_user = 40.0

    @cached_property
    def interests(self) -> Interests:
        """Types, named by subject."""
        return Interests(tuple(SUBJECTS[self.language]))

    @cached_property
    def _views(self) -> float:
        """Mean views of a lecture in an active week that give ``per_user`` events."""
        random = np.random.default_rng(0)
        style = random.choice(len(STYLES), 4096, p=STYLE_SHARES)
        active = expit(ACTIVE[style] + random.normal(size=4096))
        course_weeks = EARLY * (1 + _SECOND_COURSE)
        others = course_weeks * (active @ (HOMEWORK * (1 - LATE[style] / EARLY) + QUIZ + FORUM[style])) / 4096
        lectures = course_weeks * active.mean() * LECTURE
        return float(max(self.per_user - others, 0.1) / lectures)

    def shared(self) -> Tables:
        """``items`` (item_id, title, category: the subject)."""
        titles, subjects = [], []
        for subject, courses in SUBJECTS[self.language].items():
            for course in courses:
                for week in range(1, WEEKS + 1):
                    for activity in ACTIVITIES[self.language]:
                        titles.append(UNIT[self.language].format(course=course, week=week, activity=activity))
                        subjects.append(subject)
        return {"items": pa.table({"item_id": item_ids(len(titles)), "title": titles, "category": subjects})}

    def block(self, index: int) -> Tables:
        """``events`` (first weeks), ``events_late`` (the other weeks), ``users`` and ``truth`` of a block."""
        random, members = self.random(index), self.members(index)
        n = len(members)
        first, second = self.interests.draw(random, n)
        style = random.choice(len(STYLES), n, p=STYLE_SHARES)
        ability, diligence = random.normal(size=n), random.normal(size=n)
        courses = np.stack([2 * first, np.where(second == NOBODY, 2 * first + 1, 2 * second)], axis=1)
        work = self._work(random, courses, style, ability, diligence)
        signs = self._signs(work, n)
        log_odds = INTERCEPT + ((signs - CENTRES) / SCALES) @ WEIGHTS
        score = np.clip(PASS + POINTS * (log_odds + random.logistic(size=n)), 0, 100)
        passed = score >= PASS
        leaves = ~passed & (random.random(n) < _LEAVES)
        last = np.where(leaves, random.integers(EARLY, WEEKS, n), WEEKS)
        likely = np.stack([expit(log_odds - (TOP - PASS) / POINTS), np.zeros(n), expit(-log_odds)], axis=1)
        likely[:, 1] = 1 - likely.sum(axis=1)
        ids = user_ids(members)
        watched = np.zeros((n, len(self.interests.names)))
        early = (work.activity < LECTURE) & work.early
        np.add.at(watched, (work.owner[early], work.course[early] // 2), 1)
        truth = pa.table(
            {
                "user_id": ids,
                "type": self.interests.labels(first),
                "second_type": self.interests.labels(second),
                "style": labels(STYLES, style),
                "tier": labels(TIERS, np.where(score >= TOP, 0, np.where(passed, 1, 2))),
                "result": labels(("fail", "pass"), passed.astype(np.int64)),
                "best_type": self.interests.labels(watched.argmax(axis=1)),
                "best_tier": labels(TIERS, likely.argmax(axis=1)),
                "pass_probability": expit(log_odds),
                "final_score": np.round(score, 1),
                "last_week": last,
                "ability": ability,
                "diligence": diligence,
                **dict(zip(SIGNS, signs.T, strict=True)),
            }
        )
        events = self._events(random, members, ids, work)
        late = ~work.early
        stays = work.week < last[work.owner]
        return {
            "events": events.filter(pa.array(work.early)),
            "events_late": events.filter(pa.array(late & stays)),
            "users": self._users(random, truth),
            "truth": truth,
        }

    def _work(
        self, random: np.random.Generator, courses: Ints, style: Ints, ability: Floats, diligence: Floats
    ) -> _Work:
        """Draw all that learners do over the whole course, one entry an event, sorted by learner and time."""
        n = len(style)
        active = random.random((n, 2, WEEKS)) < expit(ACTIVE[style] + diligence)[:, None, None]
        active[:, 1] &= random.random((n, WEEKS)) < _SECOND_COURSE
        active[:, 0, 0] = True  # everybody comes in the first week
        rates = np.concatenate(
            [np.full((n, LECTURE), self._views), np.zeros((n, 2)), FORUM[style][:, None]], axis=1
        )
        count = random.poisson(np.broadcast_to(rates[:, None, None, :], (n, 2, WEEKS, 5)))
        count[..., 2] = random.random((n, 2, WEEKS)) < HOMEWORK
        count[..., 3] = random.random((n, 2, WEEKS)) < QUIZ
        count *= active[..., None]
        count[:, 0, 0, 0] = np.maximum(count[:, 0, 0, 0], 1)
        cell = np.repeat(np.arange(count.size), count.ravel())
        owner, slot, week, activity = (np.asarray(x, np.int64) for x in np.unravel_index(cell, count.shape))
        course = courses[owner, slot]
        elsewhere = (activity < LECTURE) & (random.random(len(cell)) < OPEN)
        course = np.where(elsewhere, random.integers(0, 2 * len(self.interests.names), len(cell)), course)
        late = (activity == 2) & (random.random(len(cell)) < LATE[style[owner]])
        day = 7 * week + _day(random, style[owner], activity)
        day = np.where(late, 7 * week + 7 + random.integers(0, 3, len(cell)), day)
        second = day * DAY + (random.uniform(OPENS, CLOSES, len(cell)) * 3600).astype(np.int64)
        luck = random.normal(0, 0.7, len(cell))
        score = np.round(100 * expit(0.35 + 0.9 * ability[owner] + luck), 1)
        score = np.where((activity == 2) | (activity == 3), score, np.nan)
        order = np.lexsort([cell, second, owner])
        fields = (owner, slot, week, activity, course, second, score, late)
        return _Work(*(field[order] for field in fields))  # type: ignore[arg-type]

    def _signs(self, work: _Work, n: int) -> Floats:
        """Signs of the first weeks by which the result is decided, (n, 3)."""

        def tally(chosen: Bools) -> Floats:
            return np.bincount(work.owner[chosen & work.early], minlength=n).astype(np.float64)

        in_time = tally((work.activity == 2) & ~work.late) / (2 * EARLY)
        quiz = (work.activity == 3) & work.early
        taken = np.bincount(work.owner[quiz], minlength=n)
        points = np.bincount(work.owner[quiz], work.score[quiz], minlength=n)
        weeks = np.zeros((n, EARLY), dtype=bool)
        weeks[work.owner[work.early], (work.second // (7 * DAY))[work.early]] = True
        return np.stack([in_time, points / np.maximum(taken, 1) / 100, weeks.mean(axis=1)], axis=1)

    def _events(self, random: np.random.Generator, members: Ints, ids: pa.Array, work: _Work) -> pa.Table:
        item = (work.course * WEEKS + work.week) * 5 + work.activity
        kind = np.maximum(work.activity - 1, 0)
        minutes = np.array([18.0, 45.0, 25.0, 8.0])[kind] * np.exp(random.normal(0, 0.4, len(kind)))
        device = (random.random(len(kind)) < 0.35).astype(np.int64)
        count = np.bincount(work.owner, minlength=len(members))
        nth = np.arange(len(kind)) - np.repeat(np.cumsum(count) - count, count)
        return pa.table(
            {
                "user_id": ids.take(pa.array(work.owner)),
                "item_id": item_ids(len(self.interests.names) * 2 * WEEKS * 5).take(pa.array(item)),
                "timestamp": wall_clock(work.second),
                "event_type": pa.array(("watch", "homework", "quiz", "forum"), pa.string()).take(pa.array(kind)),
                "value": pa.array(work.score, mask=np.isnan(work.score)),
                "duration": np.round(60 * minutes, 1),
                "session": members[work.owner] * 1_000_000 + nth,
                "device": pa.array(("computer", "phone"), pa.string()).take(pa.array(device)),
            }
        )

    def _users(self, random: np.random.Generator, truth: pa.Table) -> pa.Table:
        n = truth.num_rows
        region = pa.array(REGIONS[self.language], pa.string()).take(pa.array(random.integers(0, 4, n)))
        judged = {name: truth[name] for name in ("type", "style", "tier", "result")}
        return pa.table(
            {"user_id": truth["user_id"], "region": region, "terms_before": random.poisson(2, n), **judged}
        )

    def settings(self) -> dict[str, Any]:
        """Columns of the log of the first weeks, labels ``type``, ``style``, ``tier`` and ``result``."""
        columns = {"value": "value", "duration": "duration", "context": ["device"]}
        tree = self.common_settings(columns, ["type", "style", "tier", "result"], ["region", "terms_before"])
        tree["data"]["event_weights"] = {"forum": 0.5}
        return tree

    def figures(self, truth: pa.Table) -> dict[str, Any]:
        """Best guesses of type and tier; how well the result can be foretold from the first weeks."""
        passed = truth["result"].to_numpy(zero_copy_only=False) == "pass"
        return {
            "type": classified(truth, "type"),
            "tier": classified(truth, "tier"),
            "result": ranked(passed, truth["pass_probability"].to_numpy()),
        }

    def parameters(self) -> dict[str, Any]:
        """The law of the result."""
        return {
            "early_weeks": EARLY,
            "weeks": WEEKS,
            "styles": list(STYLES),
            "style_shares": STYLE_SHARES.tolist(),
            "two_sided": self.interests.two_sided,
            "signs": list(SIGNS),
            "centres": CENTRES.tolist(),
            "scales": SCALES.tolist(),
            "weights": WEIGHTS.tolist(),
            "intercept": INTERCEPT,
            "noise": "standard logistic",
            "points": POINTS,
            "pass": PASS,
            "top": TOP,
        }


def _day(random: np.random.Generator, style: Ints, activity: Ints) -> Ints:
    """Weekday (0 is Monday) of each piece of work: crammers leave it for the end, homework comes late in the week."""
    any_day, end = random.integers(0, 7, len(style)), random.integers(5, 7, len(style))
    before = random.integers(0, 5, len(style))
    usual = np.where(
        activity == 2, random.integers(3, 7, len(style)), np.where(activity < LECTURE, before, any_day)
    )
    return np.asarray(np.where(style == 1, end, np.where(style == 3, any_day, usual)), dtype=np.int64)


@dataclass(frozen=True)
class _Work:
    """What learners did, one entry an event; ``slot`` is 1 for the second course, ``score`` nan where there is none."""

    owner: Ints
    slot: Ints
    week: Ints
    activity: Ints
    course: Ints
    second: Ints
    score: Floats
    late: Bools

    @property
    def early(self) -> Bools:
        """Whether an event lies in the first weeks."""
        return np.asarray(self.second < EARLY * 7 * DAY)
