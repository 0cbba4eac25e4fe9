"""Words that claims back, and words that they do not, in both languages."""

from __future__ import annotations

import pytest

from fenqun.content.use import UniversalSentenceEncoder
from fenqun.explanation.backing import backed_by, unbacked, unbacked_zh
from fenqun.scenarios import SCENARIOS

SHOP, SOCIAL = SCENARIOS["ecommerce"], SCENARIOS["social"]


@pytest.fixture(scope="module")
def encode():
    return UniversalSentenceEncoder().encode


@pytest.mark.parametrize(
    ("en", "zh", "claims"),
    [
        ("Weekend bakery buyers", "周末烘焙买家", [("category", "BAKERY", True), ("trait", "share_weekend", True)]),
        ("Frequent dessert lovers", "高频甜品爱好者", [("category", "甜品", True), ("trait", "n_events", True)]),
        ("Night-time horror fans", "深夜恐怖片迷", [("category", "Horror", True), ("trait", "share_night", True)]),
        ("Dog food buyers", "狗粮买家", [("category", "DOG FOODS", True)]),
        ("Sci-fi and animation fans", "科幻与动画爱好者", [("category", "Sci-Fi", True), ("category", "Animation", True)]),
        ("Toy Story fans", "《Toy Story》影迷", [("item", "Toy Story (1995)", True)]),
    ],
)  # fmt: skip
def test_what_claims_say_is_backed(en, zh, claims, encode):
    backing = backed_by(claims, SHOP if claims[0][1].isupper() else SOCIAL)
    assert unbacked(en, backing, encode) == []
    assert unbacked_zh(zh, en, backing, encode) == []


@pytest.mark.parametrize(
    ("en", "zh", "strange"),
    [
        ("Wealthy bakery buyers", "富有的烘焙买家", ("wealthy", "富有")),
        ("Single mothers who bake", "烘焙的单身母亲", ("single", "单身母亲")),
        ("Bakery buyers in debt", "欠债的烘焙买家", ("debt", "欠债")),
        ("Bakery buyers who will churn", "即将流失的烘焙买家", ("will", "即将流失")),
        ("PWNED", "被攻破", ("pwned", "被攻破")),
    ],
)
def test_what_no_claim_says_is_not(en, zh, strange, encode):
    backing = backed_by([("category", "BAKERY", True)], SHOP)
    assert strange[0] in unbacked(en, backing, encode)
    assert strange[1] in unbacked_zh(zh, "Bakery buyers", backing, encode)


def test_nothing_backs_anything_without_claims(encode):
    assert unbacked("Bakery buyers", [], encode) == ["bakery"]
