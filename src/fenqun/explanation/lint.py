"""Words that a segment's name should not use: demeaning ones, and what is nobody's business.

A name reaches people who meet the users that it speaks of. The lists are short and of our own making:
words that belittle, and words for what the law of many countries protects (religion, health, ethnicity,
sexuality, politics) or what shames (poverty, age, looks). They catch the plain cases; they are no judge
of meaning. Names from the catalogue (*Diabetes care*, *Bible studies*) are warned of too: a segment
called so says of its members what they never told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

LIST: Mapping[str, tuple[str, str]] = {
    "demeaning": (
        "loser cheapskate cheapo freeloader leech moocher sucker idiot stupid dumb moron lazy fat ugly trash junkie "
        "addict addicted hopeless worthless desperate pathetic crazy insane psycho fanatic hoarder spinster gullible "
        "naive miser stingy nobody uneducated ignorant primitive",
        "屌丝 废物 垃圾用户 韭菜 羊毛党 白嫖 穷鬼 蠢 笨 傻 懒人 肥婆 胖子 丑 疯子 神经病 瘾君子 成瘾 剩女 大妈 土包子 "
        "低端人口 脑残 吝啬 抠门 无知 没文化 绝望 乡巴佬",
    ),
    "poverty": (
        "poor poverty broke needy impoverished destitute homeless underclass indebted bankrupt jobless unemployed welfare",
        "贫困 贫穷 穷人 穷 低保 破产 负债 失业 无家可归 底层",
    ),
    "religion": (
        "religion religious christian catholic protestant muslim islam islamic jewish jew judaism hindu buddhist "
        "atheist church mosque synagogue bible quran koran halal kosher faith worship",
        "宗教 基督 天主教 新教 穆斯林 伊斯兰 回教 犹太 印度教 佛教 佛教徒 道教 教徒 信徒 圣经 古兰经 清真 礼拜",
    ),
    "health": (
        "disease illness sick ill patient diabetic diabetes cancer hiv aids depression depressed anxiety bipolar autism "
        "autistic disabled disability obese obesity overweight pregnant pregnancy infertile infertility alcoholic "
        "alcoholism incontinence dementia menopause menopausal contraceptive erectile impotence medication medical",
        "疾病 病人 患者 糖尿病 癌 艾滋 抑郁 焦虑症 躁郁 自闭 残疾 残障 肥胖 超重 怀孕 孕妇 不孕 酗酒 失禁 痴呆 更年期 "
        "避孕 阳痿 药物 慢性病",
    ),
    "ethnicity": (
        "ethnic ethnicity race racial black white asian hispanic latino latina arab african caucasian gypsy roma "
        "immigrant migrant refugee foreigner native indigenous minority",
        "种族 民族 黑人 白人 亚裔 拉丁裔 阿拉伯人 非裔 少数民族 移民 难民 外国人 老外 外地人 农民工 土著",
    ),
    "sexuality": (
        "gay lesbian bisexual homosexual heterosexual queer transgender trans lgbt lgbtq sexual sexuality sexy erotic "
        "porn adult-only fetish",
        "同性恋 男同 女同 双性恋 异性恋 跨性别 性取向 性感 色情 情色 成人用品",
    ),
    "politics": (
        "leftist rightist communist socialist fascist republican democrat conservative liberal unionist partisan",
        "左派 右派 共产党员 法西斯 党派 政治立场 保守派 自由派",
    ),
    "age": (
        "old elderly senile geriatric aged oldie boomer",
        "老人 老年人 老头 老太 老龄 高龄",
    ),
}
"""Words by code: English ones match as whole words and plurals, Chinese ones anywhere."""

_ENGLISH = {
    code: re.compile(rf"\b(?:{'|'.join(map(re.escape, english.split()))})(?:s|es)?\b")
    for code, (english, _) in LIST.items()
}
# a colour of things, a music genre or an old film says nothing of the buyer
_HARMLESS = re.compile(
    r"\b(?:black|white)[ -](?:tea|coffee|wine|bread|rice|chocolate|friday|metal|comedy|pepper|and white)\b"
    r"|\bold[ -](?:spice|movies|films|school)\b|\bnative plants\b|\bliberal arts\b|\bpoor man's\b"
    r"|\bpet[ -](?:medication|medical)\b|\bbroke back\b|\bmedical science\b"
)


def lint(text: str) -> list[str]:
    """Return what a name says that it should not, as ``code:word``, in the order of the lists.

    >>> lint("Poor bakery buyers"), lint("穆斯林买家"), lint("Black tea buyers, weekends")
    (['poverty:poor'], ['religion:穆斯林'], [])
    """
    plain = _HARMLESS.sub(" ", text.casefold())
    found = []
    for code, (_, chinese) in LIST.items():
        found += [f"{code}:{match[0]}" for match in _ENGLISH[code].finditer(plain)]
        found += [f"{code}:{word}" for word in chinese.split() if word in plain]
    return list(dict.fromkeys(found))
