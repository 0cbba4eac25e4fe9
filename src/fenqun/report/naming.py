"""Where each name comes from, as a card shows it: who gave it, its description, its claims, what was struck."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fenqun.data.traits import trait
from fenqun.explanation.wording import clean
from fenqun.report.artifacts import Artifacts
from fenqun.report.lists import readable
from fenqun.report.numbers import count, number, percent
from fenqun.report.said import NOTHING, Said, joined, same
from fenqun.report.words import say
from fenqun.schema import Card, Claim, Naming

NAME_SOURCES: dict[str, Said] = {
    "rules": Said("Named by rules", "由规则命名"),
    "model": Said(
        "Named by a language model, its claims checked on held-out time", "由语言模型命名，其说法已在留出时间上核对"
    ),
    "person": Said("Named by a person", "由人工命名"),
}
NAME_REASONS: dict[str, Said] = {
    "empty": Said("the language model gave no name", "语言模型没有给出名称"),
    "malformed": Said("the language model's answer could not be read", "语言模型的回答无法读取"),
    "timeout": Said("the language model was too late", "语言模型未及时回答"),
    "http": Said("the language model's endpoint refused", "语言模型端点拒绝了请求"),
    "connection": Said("the language model could not be reached", "无法连接语言模型"),
    "given_up": Said("the language model had not answered for other segments", "语言模型此前未回答其他分群"),
    "too_long": Said("the language model's name or answer was too long", "语言模型的名称或回答过长"),
    "characters": Said("the language model's name had odd characters", "语言模型的名称含有异常字符"),
    "figures": Said("the language model's name had figures", "语言模型的名称含有数字"),
    "not_unique": Said("the language model's name was another segment's", "语言模型的名称与其他分群重复"),
    "language": Said("the language model mixed up the languages", "语言模型混淆了语言"),
    "lint": Said(
        "the language model's name used a sensitive or demeaning word", "语言模型的名称使用了敏感或贬损词语"
    ),
    "no_claims": Said("the language model named no evidence", "语言模型没有给出依据"),
    "unbacked": Said("the language model's name said more than its evidence", "语言模型的名称超出了其依据"),
    "no_claim_holds": Said("none of the language model's claims held", "语言模型的说法无一成立"),
    "rests_on_struck": Said(
        "the language model's name rested on a claim that failed", "语言模型的名称依赖于不成立的说法"
    ),
}
VERDICTS: dict[str, Said] = {
    "holds": Said("holds", "成立"),
    "fails": Said("struck: later events do not show it", "已划去：后续事件未显示"),
    "untested": Said("struck: could not be tested", "已划去：无法检验"),
    "unknown": Said("struck: nothing in the data says so", "已划去：数据中没有依据"),
}
SENSITIVE: dict[str, Said] = {
    "demeaning": Said("demeaning", "贬损"),
    "poverty": Said("poverty", "贫困"),
    "religion": Said("religion", "宗教"),
    "health": Said("health", "健康"),
    "ethnicity": Said("origin", "族裔"),
    "sexuality": Said("sexuality", "性取向"),
    "politics": Said("politics", "政治"),
    "age": Said("age", "年龄"),
}


@dataclass(frozen=True)
class ClaimLine:
    """One claim: what it says, the held-out figures, the verdict; struck unless it holds."""

    text: Said
    figures: Said
    verdict: Said
    struck: bool


@dataclass(frozen=True)
class NamingView:
    """Where a name comes from, ready to print; ``rule`` is empty where the name is the one by rules."""

    source: Said
    reason: Said
    description: Said
    rule: Said
    claims: list[ClaimLine]


def naming_view(naming: Naming, card: Card) -> NamingView:
    """Return how a card shows where its name comes from."""
    titles = {item.item_id: item.text for item in card.items}
    return NamingView(
        source=NAME_SOURCES[naming.source],
        reason=_reason(naming.reason) if naming.reason else NOTHING,
        description=Said(clean(naming.description_en, 240), clean(naming.description_zh, 240)),
        rule=NOTHING if naming.source == "rules" else Said(clean(naming.rule_en, 120), clean(naming.rule_zh, 120)),
        claims=[_line(claim, titles) for claim in naming.claims],
    )


def _reason(code: str) -> Said:
    if code.startswith("description_"):
        return say("description_left_out")
    return say("named_because", why=NAME_REASONS.get(code, same(code)))


def _line(claim: Claim, titles: Mapping[str, str]) -> ClaimLine:
    if claim.kind == "item":
        feature = same(readable(titles.get(claim.feature, claim.feature).split(" | ")[0], 60))
    elif claim.kind == "trait" and claim.verdict != "unknown":
        feature = Said(trait(claim.feature).en, trait(claim.feature).zh)
    else:
        feature = same(readable(claim.feature, 60))
    text = say("claim_more" if claim.direction == "more" else "claim_less", what=feature)
    if claim.times is not None:
        text = say("claim_times", claim=text, times=number(claim.times))
    figures = NOTHING
    if claim.value is not None and claim.everyone is not None:
        here, everyone = (number(v) if claim.kind == "trait" else percent(v) for v in (claim.value, claim.everyone))
        figures = say("claim_figures", here=here, everyone=everyone, n=count(claim.n))
    return ClaimLine(text, figures, VERDICTS[claim.verdict], claim.verdict != "holds")


def name_warnings(found: Artifacts) -> list[Said]:
    """Return one warning a segment whose name uses a sensitive or demeaning word."""
    if found.segments is None:
        return []
    said = []
    for row in found.segments.to_pylist():
        warned = Naming.model_validate_json(row["naming"]).warnings
        if warned:
            codes = dict.fromkeys(one.partition(":")[0] for one in warned)
            about = joined([SENSITIVE.get(code, same(code)) for code in codes])
            name = Said(clean(row["name_en"], 120), clean(row["name_zh"], 120))
            said.append(say("warn_name", segment=row["segment_id"], name=name, about=about))
    return said
