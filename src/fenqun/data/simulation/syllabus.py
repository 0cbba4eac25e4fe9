"""Words of simulated courses, in English and Chinese."""

from __future__ import annotations

SUBJECTS: dict[str, dict[str, tuple[str, str]]] = {
    "en": {
        "Mathematics": ("Linear algebra", "Calculus"),
        "Programming": ("Python basics", "Data structures"),
        "Economics": ("Microeconomics", "Public finance"),
        "History": ("Ancient trade routes", "The industrial age"),
        "Biology": ("Cell biology", "Ecology"),
        "Design": ("Typography", "Colour and light"),
    },
    "zh": {
        "数学": ("线性代数", "微积分"),
        "编程": ("Python 入门", "数据结构"),
        "经济学": ("微观经济学", "公共财政"),
        "历史": ("古代商路", "工业时代"),
        "生物学": ("细胞生物学", "生态学"),
        "设计": ("字体设计", "色彩与光线"),
    },
}
"""Subjects, and the two courses of each."""

ACTIVITIES = {
    "en": ("lecture A", "lecture B", "homework", "quiz", "forum"),
    "zh": ("讲座一", "讲座二", "作业", "测验", "讨论区"),
}
UNIT = {"en": "{course}, week {week}: {activity}", "zh": "{course}第{week}周：{activity}"}
REGIONS = {"en": ("North", "South", "East", "West"), "zh": ("北区", "南区", "东区", "西区")}
