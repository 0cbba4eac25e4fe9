"""Whether the words of a name are backed by claims: a name may say nothing that no claim says.

An English word is backed if a claimed feature, or the word for a claimed trait, has the same stem, or if it
means the same in the multilingual text space. Chinese is not written in words: what remains of a name after
the words that need no backing are taken out must mean what the claims or the English name mean.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from fenqun.data.traits import trait
from fenqun.explanation.lexicon import FOLLOWERS, word
from fenqun.explanation.topic_list import ENTRIES
from fenqun.explanation.wording import calm
from fenqun.scenarios import SCENARIOS, Scenario

Encode = Callable[[Sequence[str]], npt.NDArray[np.floating]]
"""Texts to unit rows in one space for both languages."""

SAME_MEANING = 0.5
"""Cosine from which a word means what a claim says.

Measured: *scary* and *Horror* .63, *dessert* and 甜品 .69; *poor*, *muslim* or *elderly* reach .34 at most with
any category tried.
"""
SAME_MEANING_ZH = 0.42
"""The same for a piece of a Chinese name, which is compared across languages (true pairs .5 to .9)."""
_STEM = 4  # letters that two words of one stem share at least
_STEM_SHARE = 0.6  # and of the longer word

_ENGLISH = """a an the of for in on at to by with from and or but than as their who whose they them these this that it its
    all any more most less least mostly mainly often rarely seldom usually sometimes much many few very rather
    people person users user customers customer shoppers shopper buyers buyer fans fan lovers lover viewers viewer
    listeners listener readers reader watchers watcher learners learner students student clients client members
    member audience crowd group segment followers enthusiasts enthusiast regulars seekers seeker goers goer
    buy buys buying bought shop shops shopping take takes taking choose chooses choosing like likes liking love
    loves loving prefer prefers preferring favour favours favouring favor favors watch watches watching listen
    listens listening read reads reading use uses using learn learns learning order orders ordering pick picks
    others other everyone average typical usual above below over under compared stand stands out share high higher
    low lower especially particularly strong stronger interest interested taste tastes products product items item
    content focused focus are is be have has do does not no little lot lots what when also both time times
    come comes coming tend tends activity active"""
_CHINESE = """的 了 和 与 及 或 更 较 最 也 都 等 喜欢 偏爱 偏好 钟爱 热爱 爱看 爱买 爱听 购买 选购 消费 观看 收听 阅读 学习 使用
    人群 用户 顾客 客户 买家 购物者 消费者 爱好者 粉丝 观众 听众 读者 学员 学生 会员 群体 一族 达人 影迷 乐迷 电影 影片
    这些 他们 其他 所有 平均 高于 低于 明显 尤其 主要 经常 很少 往往 比例 频繁 兴趣 商品 产品 内容 物品 业务 相比
    倾向 典型 关注 专注 热衷 选择 占比 更多 较少 较多 较高 较低 时段 比一般 比其他 多于 少于 一般 常买 常看"""
_CHINESE_ENDINGS = "迷党控族者群们片类人"
_NEUTRAL = frozenset(_ENGLISH.split())
_NEUTRAL_ZH = sorted(_CHINESE.split(), key=len, reverse=True)


def backed_by(features: Sequence[tuple[str, str, bool]], domain: Scenario) -> list[str]:
    """Return the texts that claims may back words with.

    Parameters
    ----------
    features
        ``(kind, text shown, more)`` of each claim.
    domain
        Scenario, for the words of traits.
    """
    texts: list[str] = []
    for kind, feature, more in features:
        if kind != "trait":
            texts.append(calm(feature))
            entry = ENTRIES.get(feature.casefold())
            texts += [entry.zh, entry.en] if entry else []
            continue
        spoken = word(domain, feature, more)
        texts += [spoken.en, spoken.zh] if spoken else []
        if more:
            texts += [trait(feature).en, trait(feature).zh]
    return list(dict.fromkeys(texts))


def unbacked(text: str, backing: Sequence[str], encode: Encode, struck: Sequence[str] = ()) -> list[str]:
    """Return the words of an English text that nothing backs, or that a struck claim would back better.

    Parameters
    ----------
    text
        Of a name or description.
    backing, struck
        From :func:`backed_by`: texts of claims that count, and of claims that do not.
    encode
        The multilingual text space.
    """
    known, gone = ({token for one in texts for token in _tokens(one)} for texts in (backing, struck))
    open_ = [w for w in dict.fromkeys(_tokens(text)) if w not in _neutral() and not any(_stem(w, k) for k in known)]
    taken = [w for w in open_ if any(_stem(w, k) for k in gone)]
    return taken + _strangers([w for w in open_ if w not in taken], backing, struck, encode, SAME_MEANING)


def unbacked_zh(
    text: str, english: str, backing: Sequence[str], encode: Encode, struck: Sequence[str] = ()
) -> list[str]:
    """Return the pieces of a Chinese text that neither the claims nor the English text back."""
    chinese = sorted((one for one in backing if not one.isascii()), key=len, reverse=True)
    rest = text
    for piece in (*chinese, *_NEUTRAL_ZH):
        rest = rest.replace(piece, " ")
    latin = " ".join(re.findall(r"[A-Za-z][A-Za-z'&/ -]*", rest))
    runs = (run.rstrip(_CHINESE_ENDINGS) for run in re.findall(r"[\u3400-\u9fff]+", rest))
    pieces = list(dict.fromkeys(run for run in runs if run))
    said = [*backing, english]
    return [*unbacked(latin, said, encode, struck), *_strangers(pieces, said, struck, encode, SAME_MEANING_ZH)]


def _strangers(
    words: Sequence[str], backing: Sequence[str], struck: Sequence[str], encode: Encode, least: float
) -> list[str]:
    if not words or not backing:
        return list(words)
    rows = np.asarray(encode(list(words)))
    best = (rows @ np.asarray(encode(list(backing))).T).max(axis=1)
    rival = (rows @ np.asarray(encode(list(struck))).T).max(axis=1) if struck else np.full(len(words), -1.0)
    return [w for w, ours, theirs in zip(words, best, rival, strict=True) if ours < least or theirs > ours]


def _tokens(text: str) -> list[str]:
    return re.findall(r"[a-zà-öø-ÿ]{2,}", text.casefold().replace("'s", "").replace("’s", ""))


def _stem(one: str, other: str) -> bool:
    """Whether two words share a stem.

    >>> _stem("snackers", "snack"), _stem("home", "homeless"), _stem("comedies", "comedy")
    (True, False, True)
    """
    shared = next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    return one == other or shared >= max(_STEM, _STEM_SHARE * max(len(one), len(other)))


def _neutral() -> frozenset[str]:
    """Words that need no backing: grammar, verbs of choosing, and what people are called by the field."""
    nouns = [noun for en, _ in FOLLOWERS.values() for noun in _tokens(en.replace("{topic}", ""))]
    nouns += [noun for scenario in SCENARIOS.values() for noun in _tokens(scenario.user_name[0])]
    return _NEUTRAL | set(nouns)
