"""Abbreviations of retail catalogues said in full, and labels that a reader cannot make sense of."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_VAGUE = re.compile(
    r"\b(misc|miscellaneous|other|others|unknown|unclassified|uncategorized|uncategorised|none|n/a|no category)\b"
    r"|其他|其它|未知|杂项|未分类",
    re.IGNORECASE,
)
_VOWELS = frozenset("AEIOUY")
_CURRENT = frozenset(("BBQ", "CD", "DVD", "FM", "HD", "PC", "RPG", "SMS", "TV", "VR"))
"""Words without a vowel that everyone says."""

# Only what has one reading: LIQ is liquid and liquor, STK is steak and stick.
_TABLE = """
ACCS:ACCESSORIES ASST:ASSORTED BEV:BEVERAGE BG:BAG BKD:BAKED BKFST:BREAKFAST BN:BEAN BNLS:BONELESS BRD:BREAD
BRKFST:BREAKFAST BRST:BREAST BTL:BOTTLE BTR:BUTTER CHIX:CHICKEN CHOC:CHOCOLATE CKN:CHICKEN CKYS:COOKIES
CLEANG:CLEANING CLNR:CLEANER CLNRS:CLEANERS CND:CANNED CNDY:CANDY CONC:CONCENTRATE CRKR:CRACKERS CRYSTL:CRYSTAL
DNR:DINNER DNRS:DINNERS DRNK:DRINK DRNKS:DRINKS DRSNG:DRESSING DSH:DISH FD:FOOD FLVR:FLAVOR FLVRD:FLAVORED
FRZ:FROZEN FRZN:FROZEN GDS:GOODS GRCRY:GROCERY GRND:GROUND HLTH:HEALTH HSHLD:HOUSEHOLD HYGN:HYGIENE JCE:JUICE
KTCHN:KITCHEN LNDRY:LAUNDRY MX:MIX MXS:MIXES MIXS:MIXES NDAIRY:NON-DAIRY PCKGD:PACKAGED PKG:PACKAGED PKGD:PACKAGED
PKLD:PICKLED PLSTC:PLASTIC PNT:PEANUT PWDR:POWDER REFRGRATD:REFRIGERATED REFRIG:REFRIGERATED SALD:SALAD SFT:SOFT
SHERBTS:SHERBETS SHLDR:SHOULDER SHMP:SHAMPOO SKNLS:SKINLESS SNDWCH:SANDWICH SNKS:SNACKS SPLY:SUPPLIES SPRD:SPREAD
TISS:TISSUE TRSH:TRASH VEG:VEGETABLE WHLSM:WHOLESOME WTR:WATER
"""
_FULL = dict(pair.split(":") for pair in _TABLE.split())


def expand(text: str) -> str:
    """Say the abbreviations of a shouting catalogue in full; other text stays as it is.

    >>> expand("PWDR/CRYSTL DRNK MX"), expand("Fd")
    ('POWDER/CRYSTAL DRINK MIX', 'Fd')
    """
    return _WORD.sub(lambda match: _FULL.get(match[0], match[0]), text) if text.isupper() else text


def is_murky(text: str) -> bool:
    """Whether a category or title says nothing to a reader.

    That is so where it collects what fits nowhere (``MISC``), and where a shouting catalogue uses
    abbreviations without a vowel that are not said in full (``NDL SS``). A word that stands alone is a
    code or an acronym, and as good as any name.

    >>> is_murky("COUPON/MISC ITEMS"), is_murky("NDL SS"), is_murky("FRZN ICE"), is_murky("BBB")
    (True, True, False, False)
    """
    if _VAGUE.search(text):
        return True
    if not text.isupper():
        return False
    words = [word for word in _WORD.findall(expand(text)) if word.isascii()]
    return len(words) > 1 and any(
        len(word) > 1 and not _VOWELS & set(word) and word not in _CURRENT for word in words
    )
