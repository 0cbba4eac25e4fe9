"""The report says the segments in rules, in both languages, and how well that works."""

from __future__ import annotations

from fenqun.report.artifacts import Artifacts
from fenqun.report.rules import rules_view
from fenqun.report.words import say
from fenqun.schema import FeatureImportance, Fidelity, Manifest, RuleCondition, RuleTable, SegmentRule
from fenqun.settings import load_config


def fidelity(balanced: float) -> Fidelity:
    figures = {"accuracy": balanced - 0.1, "balanced": balanced}
    return Fidelity(**{f"{n}{end}": v for n, v in figures.items() for end in ("", "_low", "_high")})


def artifacts(rules: RuleTable | None) -> Artifacts:
    config = load_config({"data": {"events": {"path": "log.csv", "user": "u", "time": "t"}}})
    manifest = Manifest(id="1", status="done", seed=7, fingerprint="", versions={})
    return Artifacts(config=config, settings="", manifest=manifest, rules=rules)


def rule(segment: str, source: str, feature: str, precision: float, recall: float) -> SegmentRule:
    condition = RuleCondition(kind="category", feature=feature, above=0.5)
    return SegmentRule(
        segment_id=segment,
        source=source,
        conditions=[condition],
        users=40,
        precision=precision,
        recall=recall,  # type: ignore[arg-type]
    )


def test_no_rules_no_section() -> None:
    assert rules_view(artifacts(None)) is None


def test_the_better_rule_is_said_and_the_hopeless_is_not() -> None:
    table = RuleTable(
        depth=4,
        learned_on=700,
        judged_on=300,
        tree=fidelity(0.5),
        forest=fidelity(0.75),
        majority=fidelity(0.25),
        rules=[
            rule("S01", "tree", "Drama", 0.4, 0.4),
            rule("S01", "alone", "Comedy", 0.8, 0.7),
            rule("S02", "tree", "<b>", 0.02, 0.1),
        ],
        unsaid=[],
        importance=[
            FeatureImportance(kind="trait", feature="n_events", fall=0.2, low=0.1, high=0.3),
            FeatureImportance(kind="category", feature="Drama", fall=-0.01, low=-0.02, high=0.0),
        ],
    )
    view = rules_view(artifacts(table))
    assert view is not None
    assert "50.0%" in view.lead.en and "75.0%" in view.lead.zh and "25.0%" in view.lead.en
    assert view.sentences["S02"] == [say("rule_none")] and set(view.sentences) == {"S01", "S02"}
    assert view.sentences["S01"][0] == ("Mostly Comedy.", "以喜剧为主。")
    assert "80.0%" in view.sentences["S01"][1].en and "70.0%" in view.sentences["S01"][1].zh
    assert [(line.label.zh, line.fall) for line in view.importance] == [("事件数", "0.200")]
