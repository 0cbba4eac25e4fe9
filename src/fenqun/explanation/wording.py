"""Untrusted text (categories, titles) made fit for a name: clean, short, not shouting."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from fenqun.explanation.abbreviations import expand

NAME_LIMIT = 40
"""Characters of untrusted text that a name may carry."""

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_CONSONANTS = re.compile(r"[B-DF-HJ-NP-TV-XZ]{1,3}\Z")
_SMALL = {"AND", "OR", "OF", "THE", "FOR", "IN", "ON", "TO", "WITH"}
_DANGLING = {"", "and", "or", "of", "the", "a", "an", "for", "in", "on", "to", "with"}
_QUALIFIER = re.compile(r"(\s-\s|:)")
_GENERIC = re.compile(r"\b(ALL|OTHER|OTHERS|MISC|MISCELLANEOUS)\b")
_BREAKS = re.compile(r"\s*[/:|;,(]\s*|\s+-\s+")


def clean(text: str, limit: int | None = None) -> str:
    r"""Strip control, format and unassigned characters, collapse blanks, cap the length.

    >>> clean("a\x00 b\n\u202ec")
    'a b c'
    """
    if limit is not None:
        text = text[: 50 * limit]
    kept = "".join(
        " " if c.isspace() or unicodedata.category(c) in ("Cc", "Zl", "Zp") else c
        for c in text
        if c.isspace() or unicodedata.category(c) not in ("Cf", "Cs", "Co", "Cn")
    )
    kept = " ".join(kept.split())
    if limit is not None and len(kept) > limit:
        kept = kept[: limit - 1].rstrip() + "…"
    return kept


def calm(text: str) -> str:
    """Title-case a text that is all capitals and say its abbreviations in full; short unknown ones stay.

    >>> calm("FRZN ICE"), calm("CHILDREN'S TV"), calm("Sci-Fi")
    ('Frozen Ice', "Children's TV", 'Sci-Fi')
    """
    text = expand(text)
    letters = [c for c in text if c.isalpha()]
    if len(letters) < 4 or not text.isupper():
        return text

    def lower(match: re.Match[str]) -> str:
        word = match[0]
        if match.start() and word in _SMALL:
            return word.lower()
        return word if _CONSONANTS.match(word) else word[0] + word[1:].lower()

    return _WORD.sub(lower, text)


def topic_label(text: str, words: int = 3, limit: int = 28) -> str:
    """Return a category or title as it may stand in a name.

    The last step of a path is taken (``Home > Kitchen`` gives ``Kitchen``), a qualifier of a shouting
    catalogue goes in front (``SEAFOOD - FROZEN`` gives ``Frozen Seafood``); what is too long is cut at
    a slash, colon or dash, then at a word, then at a character. Wide characters count twice.

    >>> topic_label("SEAFOOD - FROZEN"), topic_label("GREETING CARDS/WRAP/PARTY SPLY")
    ('Frozen Seafood', 'Greeting Cards/Wrap')
    """
    label = clean(text, limit=4 * NAME_LIMIT)
    if " > " in label:
        label = label.rsplit(" > ", 1)[-1]
    if label.isupper():
        label = calm(_qualified(expand(label), words))
    if not _fits(label, words, limit):
        cuts = [label[: m.start()] for m in _BREAKS.finditer(label) if m.start()]
        label = next((cut for cut in reversed(cuts) if _fits(cut, words, limit)), cuts[0] if cuts else label)
    parts = label.split()
    while len(parts) > 1 and not _fits(" ".join(parts), words, limit):
        parts.pop()
    label = " ".join(parts)
    while parts and _fold(parts[-1]) in _DANGLING:
        parts.pop()
        label = " ".join(parts)
    label = label.strip(" -–/:|;,(&")
    while _width(label) > limit:
        label = label[:-2].rstrip() + "…"
    return label


def topic_labels(texts: Sequence[str], words: int = 3) -> list[str]:
    """Return the labels of topics that stand beside each other, see :func:`topic_label`.

    Where texts lose what tells them apart, their qualifiers stand for them.

    >>> topic_labels(["transfer to banks - household", "transfer to banks - old-age pension", "transfer to banks"])
    ['household', 'old-age pension', 'transfer to banks']
    """
    labels = [topic_label(text, words) for text in texts]
    shared = Counter(label.casefold() for label in labels)
    return [
        label
        if shared[label.casefold()] == 1 or is_whole(label, text)
        else topic_label(re.split(r"\s-\s|:\s", text)[-1], words) or label
        for label, text in zip(labels, texts, strict=True)
    ]


def is_whole(label: str, text: str) -> bool:
    """Whether a label from :func:`topic_label` carries every word of its text.

    >>> is_whole("Canned Pasta", "PASTA: CANNED"), is_whole("Frozen SS", "FRZN SS ENTREES")
    (True, False)
    """
    return set(re.findall(r"\w+", label.casefold())) >= set(re.findall(r"\w+", expand(clean(text)).casefold()))


def _qualified(label: str, words: int) -> str:
    """Put what follows a dash or colon in front, spaces around ``&``, and leave out ``/MISC ITEMS``."""
    label = re.sub(r"(?<=\w{3})&(?=\w{3})", " & ", label)
    said = [part for part in label.split("/") if not _GENERIC.search(part)]
    label = "/".join(said) or label
    parts = [part.strip() for part in _QUALIFIER.split(label)]
    if len(parts) != 3 or not all(parts) or "(" in parts[2]:
        return label
    head, _, qualifier = parts
    if _GENERIC.search(qualifier):
        return head
    turned = f"{qualifier} {head}"
    return turned if _fits(turned, words, 28) else label


def _fits(label: str, words: int, limit: int) -> bool:
    parts = label.split()
    # "Fruit & Vegetables" is one thing
    return len(parts) <= words + ("&" in parts) and _width(label) <= limit


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _fold(word: str) -> str:
    return word.casefold().strip(" -–/:|;,(&")


def capitalise(text: str) -> str:
    """Upper-case the first letter and leave the rest.

    >>> capitalise("high-spending customers")
    'High-spending customers'
    """
    return text[:1].upper() + text[1:]
