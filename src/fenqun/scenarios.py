"""Four scenarios: what an event weighs in each, what ``value`` means, and whether items repeat."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

ScenarioName = Literal["ecommerce", "social", "education", "finance"]
TierNames = tuple[tuple[str, str], tuple[str, str], tuple[str, str], tuple[str, str]]

ACTIVITY_TIERS: TierNames = (("Core", "核心"), ("Regular", "常规"), ("Occasional", "轻度"), ("Rising", "上升潜力"))
"""Names of tiers by activity, whatever the scenario: the highest, the middle, the lowest, and potential."""


@dataclass(frozen=True)
class Scenario:
    """Defaults that a domain brings.

    Attributes
    ----------
    event_weights
        Weight of an event by its type (matched in lower case); unknown types weigh 1.
    value_name
        What the ``value`` column stands for, in English and Chinese.
    user_name, item_name
        What a user and an item are called, in English and Chinese.
    repeats
        Whether people take the same item again, so that lists may repeat what was seen.
    tier_names
        Names of tiers by value, in English and Chinese: the highest, the middle, the lowest, and potential.
    """

    name: ScenarioName
    value_name: tuple[str, str]
    user_name: tuple[str, str]
    item_name: tuple[str, str]
    repeats: bool
    tier_names: TierNames
    event_weights: dict[str, float] = field(default_factory=dict)


SCENARIOS: dict[str, Scenario] = {
    "ecommerce": Scenario(
        "ecommerce",
        value_name=("spend", "消费额"),
        user_name=("customers", "顾客"),
        item_name=("products", "商品"),
        repeats=True,
        tier_names=(
            ("High value", "高价值"),
            ("Middle value", "中等价值"),
            ("Ordinary", "普通"),
            ("Potential", "潜力"),
        ),
        event_weights={
            "view": 0.2,
            "click": 0.3,
            "search": 0.2,
            "favourite": 0.6,
            "favorite": 0.6,
            "wishlist": 0.6,
            "cart": 0.6,
            "add_to_cart": 0.6,
            "purchase": 1.0,
            "buy": 1.0,
            "order": 1.0,
            "return": -0.5,
            "refund": -0.5,
        },
    ),
    "social": Scenario(
        "social",
        value_name=("rating or watch value", "评分或观看值"),
        user_name=("users", "用户"),
        item_name=("items", "内容"),
        repeats=False,
        tier_names=ACTIVITY_TIERS,
        event_weights={
            "impression": 0.05,
            "view": 0.3,
            "click": 0.3,
            "play": 0.5,
            "watch": 0.5,
            "like": 0.8,
            "comment": 1.0,
            "share": 1.0,
            "follow": 1.0,
            "rating": 1.0,
            "dislike": -0.5,
        },
    ),
    "education": Scenario(
        "education",
        value_name=("score", "成绩"),
        user_name=("learners", "学员"),
        item_name=("learning items", "学习内容"),
        repeats=False,
        tier_names=(("Top", "领先"), ("Middle", "中等"), ("Support", "需要支持"), ("Promising", "有潜力")),
        event_weights={
            "register": 0.5,
            "enroll": 0.5,
            "view": 0.3,
            "watch": 0.5,
            "quiz": 0.8,
            "homework": 1.0,
            "submit": 1.0,
            "exam": 1.0,
        },
    ),
    "finance": Scenario(
        "finance",
        value_name=("amount", "金额"),
        user_name=("clients", "客户"),
        item_name=("products and operations", "产品与业务"),
        repeats=True,
        tier_names=(("Key", "重点"), ("Core", "主力"), ("Standard", "普通"), ("Growth", "成长潜力")),
        event_weights={"login": 0.1, "view": 0.2, "transfer": 0.8, "deposit": 1.0, "invest": 1.0, "loan": 1.0},
    ),
}
