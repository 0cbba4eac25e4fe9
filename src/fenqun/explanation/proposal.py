"""What a language model proposes for a segment, and the checks of form that need no data."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fenqun.explanation.briefing import Brief, Fact
from fenqun.explanation.lint import lint

LONGEST_EN, LONGEST_ZH = 60, 24
"""Characters of a name."""
WORDS_EN = 8
LONGEST_DESCRIPTION = 240
_CLAIMS = 12

_PUNCTUATION = frozenset(" ,.;:!?&/'’\"“”()-–—·、，。；：！？《》（）…%")
_HAN = re.compile(r"[\u3400-\u9fff]")
_ADDRESS = re.compile(r"https?:|www\.|\.com\b|\.cn\b|@", re.IGNORECASE)


class Evidence(BaseModel):
    """One claim of the model, as it answers."""

    model_config = ConfigDict(extra="ignore")
    kind: Literal["category", "item", "trait", "attribute"]
    feature: str = Field(max_length=400)
    direction: Literal["more", "less"]
    times: float | None = Field(None, gt=0, lt=1e6, allow_inf_nan=False)


class Proposal(BaseModel):
    """The model's answer."""

    model_config = ConfigDict(extra="ignore")
    name_en: str
    name_zh: str
    description_en: str
    description_zh: str
    evidence: list[Evidence]


def answer_schema() -> dict[str, Any]:
    """Return the JSON schema that the answer must follow, in the strict form: every property required."""
    text = {"type": "string"}
    claim = {
        "kind": {"type": "string", "enum": ["category", "item", "trait", "attribute"]},
        "feature": text,
        "direction": {"type": "string", "enum": ["more", "less"]},
        "times": {"type": ["number", "null"]},
    }
    properties = {
        "name_en": text,
        "name_zh": text,
        "description_en": text,
        "description_zh": text,
        "evidence": {"type": "array", "items": _strict(claim)},
    }
    return _strict(properties)


def _strict(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


@dataclass(frozen=True)
class Problem:
    """What is wrong with a proposal: a code, and the piece that it is about."""

    code: str
    detail: str = ""


def read_proposal(text: str) -> Proposal | Problem:
    """Read an answer; blanks around its texts go."""
    try:
        found = Proposal.model_validate_json(text)
    except ValidationError:
        return Problem("malformed")
    texts = {name: " ".join(getattr(found, name).split()) for name in
             ("name_en", "name_zh", "description_en", "description_zh")}  # fmt: skip
    return found.model_copy(update=texts)


def check_name(en: str, zh: str, taken: Collection[str]) -> Problem | None:
    """Return what is wrong with the form of a name in both languages, None if nothing is.

    Parameters
    ----------
    en, zh
        The name.
    taken
        Names of the other segments in both languages, case folded.
    """
    for text, longest in ((en, LONGEST_EN), (zh, LONGEST_ZH)):
        if not any(c.isalnum() for c in text):
            return Problem("empty")
        if len(text) > longest:
            return Problem("too_long", text[:longest])
        if odd := _odd(text):
            return Problem("characters", odd)
        if any(c.isdigit() for c in text):
            return Problem("figures", text)
        if text.casefold() in taken:
            return Problem("not_unique", text)
    if len(en.split()) > WORDS_EN:
        return Problem("too_long", en)
    if _HAN.search(en) or not _HAN.search(zh):
        return Problem("language", en if _HAN.search(en) else zh)
    if found := [*lint(en), *lint(zh)]:
        return Problem("lint", found[0])
    return None


def check_description(text: str) -> Problem | None:
    """Return what is wrong with a description: it is one line without figures, addresses or odd characters."""
    if len(text) > LONGEST_DESCRIPTION:
        return Problem("too_long", text[:40])
    if (odd := _odd(text)) or _ADDRESS.search(text):
        return Problem("characters", odd)
    if any(c.isdigit() for c in text):
        return Problem("figures", text[:40])
    if found := lint(text):
        return Problem("lint", found[0])
    return None


def read_claims(proposal: Proposal, brief: Brief) -> tuple[list[tuple[Fact, Evidence]], list[Evidence]]:
    """Return the claims with the facts that they name, each fact once, and the claims that name none."""
    found: dict[tuple[str, str], tuple[Fact, Evidence]] = {}
    unknown = []
    for evidence in proposal.evidence[:_CLAIMS]:
        fact = brief.find(evidence.kind, evidence.feature)
        if fact is None:
            unknown.append(evidence)
        else:
            found.setdefault((fact.kind, fact.key), (fact, evidence))
    return list(found.values()), unknown


def _odd(text: str) -> str:
    """Return the first character that is no letter, mark, digit or plain punctuation, as its code point."""
    odd = next((c for c in text if unicodedata.category(c)[0] not in "LMN" and c not in _PUNCTUATION), "")
    return f"U+{ord(odd):04X}" if odd else ""
