"""What no playbook may hold: an automatic decision about a person's credit or price.

Words are a net, not a proof: they catch what is written by mistake. A person still reads what a playbook says.
"""

from __future__ import annotations

import re

REFUSED_KINDS = frozenset(
    {"decide", "approve", "decline", "reject", "credit", "credit_decision", "credit_limit", "limit", "loan_decision", "price",
     "price_decision", "pricing", "rate", "interest_rate", "score_credit", "block", "close_account"}
)  # fmt: skip
"""Kinds of action that decide instead of showing, offering or inviting."""

_ENGLISH = re.compile(
    r"\b(?:pre-?)?(?:approv|declin|reject|den(?:y|i)|refus|grant|rais|increas|lower|reduc|cut|set|adjust|chang|repric|assign|"
    r"waiv|extend|freez|block)(?:e|es|ed|ing|s|ies|y)?\b(?: [\w'’-]+){0,4}? "
    r"(?:credit|loans?|mortgages?|overdrafts?|limits?|interest|rates?|prices?|pricing|premiums?|fees?|margins?)\b"
    r"|\b(?:personal(?:ised|ized)?|individual|risk-based|dynamic|automatic) (?:pricing|prices?|interest rates?|rates?|fees?|"
    r"credit limits?|credit decisions?|approvals?)\b",
    re.IGNORECASE,
)
_CHINESE = re.compile(
    r"(?:审批|批准|预批|批贷|放贷|拒绝|拒贷|驳回|提高|上调|降低|下调|调整|调高|调低|设定|冻结|授予|减免)[^。；，,]{0,8}?"
    r"(?:授信|信用|贷款|额度|利率|利息|费率|价格|定价|保费|手续费)"
    r"|自动(?:授信|审批|放款|定价|提额|降额|拒绝)|(?:个性化|差别化?|动态)(?:定价|利率|费率|价格)|提额|降额|拒贷|秒批"
)


def credit_or_price_decision(text: str) -> str | None:
    """Return the words by which a text decides on credit or price; None where it does not.

    >>> credit_or_price_decision("Raise the credit limit by a fifth"), credit_or_price_decision("自动审批贷款")
    ('Raise the credit', '自动审批')
    >>> credit_or_price_decision("Invite to a talk on saving, with the posted rates")
    """
    found = _ENGLISH.search(text) or _CHINESE.search(text)
    return found[0] if found else None
