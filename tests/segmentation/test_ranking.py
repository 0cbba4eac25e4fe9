"""The order in which trials win, and what is said of those that do not."""

from __future__ import annotations

import pytest

from fenqun.segmentation.ranking import rank

NAN = float("nan")


def ranked(*trials, unasked=None):
    complete = [(k, {"noise": 0.0, "smallest": 100.0, **metrics}) for k, metrics in trials]
    return rank(complete, unasked or [""] * len(complete), least=25, max_noise=0.2)


def winner(verdicts):
    (chosen,) = [i for i, verdict in enumerate(verdicts) if verdict.verdict == "chosen"]
    return chosen


def test_highest_lift_wins():
    verdicts = ranked((4, {"lift": 1.1}), (9, {"lift": 1.3}), (6, {"lift": 1.2}))
    assert winner(verdicts) == 1
    assert verdicts[1].why == "highest lift 1.3"
    assert verdicts[0].why == "lift 1.1 below the best 1.3"


def test_within_one_standard_error_fewer_segments_win():
    verdicts = ranked(
        (12, {"lift": 1.18, "lift_se": 0.02}), (8, {"lift": 1.165, "lift_se": 0.5}), (4, {"lift": 1.12})
    )
    assert winner(verdicts) == 1
    assert (
        verdicts[1].why == "lift 1.165 within one standard error (0.02) of the best 1.18, with fewest segments (8)"
    )
    assert verdicts[0].why == "lift 1.18 is level with the best, but 12 segments against 8"
    assert verdicts[2].why == "lift 1.12 below the best 1.18 by more than one standard error (0.02)"


def test_then_the_probe_then_internal_metrics():
    base = {"lift": 1.2, "lift_se": 0.1}
    verdicts = ranked((8, {**base, "probe": 0.41}), (8, {**base, "probe": 0.43}), (8, {**base, "probe": NAN}))
    assert winner(verdicts) == 1
    assert verdicts[0].why == "probe 0.41 below the best 0.43"
    assert verdicts[2].why == "no probe could be computed"
    level = {**base, "probe": 0.4, "probe_se": 0.05}
    verdicts = ranked(
        (8, {**level, "silhouette": 0.1, "davies_bouldin": 2.0}),
        (8, {**level, "probe": 0.42, "silhouette": 0.0, "davies_bouldin": 3.0}),
    )
    assert winner(verdicts) == 0
    assert verdicts[1].why == "mean rank 2 of internal metrics behind 1"


def test_without_lift_the_probe_decides():
    verdicts = ranked((8, {"lift": NAN, "probe": 0.5, "probe_se": 0.02}), (5, {"lift": NAN, "probe": 0.49}))
    assert winner(verdicts) == 1
    assert (
        verdicts[1].why == "probe 0.49 within one standard error (0.02) of the best 0.5, with fewest segments (5)"
    )


def test_internal_metrics_alone_decide_last():
    verdicts = ranked((8, {"silhouette": 0.1, "dunn": NAN}), (5, {"silhouette": 0.3}), (6, {}))
    assert winner(verdicts) == 1
    assert verdicts[1].why == "best mean rank of internal metrics"


def test_no_figures_at_all_still_choose_one():
    assert winner(ranked((8, {}), (5, {}))) == 1


@pytest.mark.parametrize(
    ("metrics", "why"),
    [
        ({"smallest": 3.0}, "smallest segment 3 users < 25"),
        ({"smallest": 1.0}, "smallest segment 1 user < 25"),
        ({"noise": 0.38}, "noise 38 % > 20 %"),
        ({"smallest": 3.0, "noise": 0.38}, "smallest segment 3 users < 25; noise 38 % > 20 %"),
    ],
)
def test_gates_reject_the_best(metrics, why):
    verdicts = ranked((4, {"lift": 2.0, **metrics}), (4, {"lift": 1.0}))
    assert (verdicts[0].verdict, verdicts[0].why) == ("rejected", why)
    assert winner(verdicts) == 1
    assert not verdicts[1].marked


def test_exactly_at_a_gate_passes():
    assert winner(ranked((4, {"lift": 2.0, "smallest": 25.0, "noise": 0.2}), (4, {"lift": 1.0}))) == 0


def test_if_all_are_rejected_the_best_is_chosen_and_marked():
    verdicts = ranked((4, {"lift": 1.0, "smallest": 3.0}), (9, {"lift": 1.5, "smallest": 2.0}))
    assert winner(verdicts) == 1
    assert verdicts[1].marked
    assert verdicts[1].why == "highest lift 1.5; chosen although smallest segment 2 users < 25, as no trial passed"
    assert verdicts[0].verdict == "rejected"


def test_a_number_that_was_not_asked_for_gives_way():
    verdicts = ranked(
        (2, {"lift": 3.0}), (4, {"lift": 1.0}), unasked=["finds 2 segments, 4 to 30 were asked for", ""]
    )
    assert winner(verdicts) == 1
    assert (verdicts[0].verdict, verdicts[0].why) == ("lost", "finds 2 segments, 4 to 30 were asked for")
