"""What a segmentation is for, and which figures on validation time rank what is tried for it.

=============  =====================================  ==================================================
goal           first figure                           then
=============  =====================================  ==================================================
recommend      lift of the segments' lists            probe of the future category
value          variance of future value explained     variance of retention explained
understand     probe of the future category           readability of the segments
target:NAME    probe of the target                    readability of the segments
=============  =====================================  ==================================================

``value`` is ``activity`` where the log carries no values, and ``recommend`` is ``activity`` where it is about one item.
"""

from __future__ import annotations

TARGET = "target:"

_FIGURES = {
    "recommend": ("lift", "probe"),
    "value": ("value", "retention"),
    "understand": ("probe", "readability"),
    "target": ("target", "readability"),
}


def figures_of(goal: str) -> tuple[str, ...]:
    """Return the figures that a goal ranks trials by, the first first.

    >>> figures_of("recommend")
    ('lift', 'probe')
    >>> figures_of("target:spend")
    ('target', 'readability')
    """
    return _FIGURES[goal.partition(":")[0]]


def target_of(goal: str) -> str | None:
    """Return the name of the target that a goal asks for, None where it asks for none.

    >>> target_of("target:spend")
    'spend'
    """
    return goal.removeprefix(TARGET) if goal.startswith(TARGET) else None
