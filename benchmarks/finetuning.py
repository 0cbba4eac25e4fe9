"""Targets learned on the vectors of a finished run: the head, the tuned encoder or ranker, and something simple.

Protocol
--------
`fenqun run` on an example data set as its settings stand, the gate left out so that a sequence encoder is kept, then
`fenqun finetune` for each target; churn and spend of complete_journey also with the encoder tuned. Heads are learned on
earlier cuts and judged on the latest one, with encoders that ended before it. Figures, their 95 % bootstrap intervals
over users and the difference to something simple are those of report.json.

Run
---
python benchmarks/finetuning.py [--data .cache/data] [--runs .cache/finetuning] [--only NAME ...] [--seeds 1] [--again]

Cells that the results file has are kept unless --again. A run that is finished and unchanged is not computed again.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from datasets import run, settings_file
from fenqun.pipeline.finetuning import finetune_run
from fenqun.store import Run

RESULTS = Path(__file__).parent / "results" / "finetuning.json"
TASKS = {
    "complete_journey": {"churn": True, "spend": True, "next_category": False},
    "cdnow": {"churn": False, "spend": False},
}
"""Data sets, their targets, and whether the encoder is tuned along; a log of one item has none."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(".cache/data"))
    parser.add_argument("--runs", type=Path, default=Path(".cache/finetuning"))
    parser.add_argument("--only", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    cells: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    for name in options.only:
        for seed in range(options.seeds):
            keys = {target: f"{name}/{target}/{seed}" for target in TASKS[name]}
            missing = [target for target, key in keys.items() if options.again or key not in cells]
            folder = options.runs / f"{name}-{seed}"
            if missing:
                run(settings_file(name, options.data), folder, ["vectors.gate=false", f"run.seed={seed}"])
            for target in missing:
                cells[keys[target]] = learn(folder, target, TASKS[name][target])
                RESULTS.parent.mkdir(exist_ok=True)
                lines = [f"{json.dumps(key)}: {json.dumps(cells[key])}" for key in sorted(cells)]
                RESULTS.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
            for key in keys.values():
                show(key, cells[key])


def learn(folder: Path, target: str, unfrozen: bool) -> dict[str, Any]:
    """Learn one target; return what its report says of how good it is."""
    _, report = finetune_run(Run.open(folder), target, unfrozen=unfrozen)
    told = ("judged", "competitor", "figures", "difference", "kept", "epochs")
    return {name: report[name] for name in told}


def show(key: str, cell: dict[str, Any]) -> None:
    """Print the figures of one target."""
    print(f"{key} (n {cell['judged']['n']:,}, {cell['judged']['on']}; kept: {cell['kept']})")
    for row, figures in cell["figures"].items():
        print(f"  {row:22} " + "  ".join(f"{name} {interval(figure)}" for name, figure in figures.items()))
    told = "  ".join(f"{name} {interval(figure)}" for name, figure in cell["difference"].items())
    print(f"  {'less ' + cell['competitor']:22} {told}", flush=True)


def interval(figure: dict[str, float | None]) -> str:
    value, low, high = (figure[name] for name in ("value", "low", "high"))
    return "–" if value is None or low is None or high is None else f"{value:.3f} [{low:.3f}, {high:.3f}]"


if __name__ == "__main__":
    main()
