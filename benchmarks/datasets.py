"""The whole road on every example data set, from configs/: what comes out, how long it takes, how much memory.

Protocol
--------
Each of configs/*.yaml runs as it stands (`fenqun run`), one after the other, each in a process of its own.
Figures come from the run directory: lists and value from comparison.parquet, judged on held-out events (of
the split that is named) at equal numbers of segments; seconds are the sum over stages, and peak memory is
the largest of any stage. A run directory that is finished and unchanged is not computed again, and keeps
the timings of the run that made it.

Data sets that are downloaded are prepared under DATA/NAME; those that lie beside the checkout are read there.
What cannot be found is left out and named.

Run
---
python benchmarks/datasets.py [--data DATA] [--only NAME ...] [--out RUNS] [--set a.b=c ...]

With --set the results are printed and not kept.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from fenqun.data.datasets import NAMES, prepare
from fenqun.data.ingest import source_files
from fenqun.errors import FenqunError
from fenqun.settings import load_config

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "datasets.json"
TRADITIONAL = ("static", "rfm", "interest")
SAMPLES = 3  # names of segments, the largest first


def settings_file(name: str, data: Path) -> Path:
    """The example config of a data set whose sources are all there."""
    config = prepare(name, data / name) if name in NAMES else ROOT / "configs" / f"{name}.yaml"
    missing = [path for path in source_files(load_config(config)) if not path.exists()]
    if missing:
        raise FileNotFoundError(str(missing[0]))
    return config


def run(config: Path, out: Path, overrides: list[str]) -> None:
    arguments = ["run", str(config), "--out", str(out), "--quiet"]
    for override in overrides:
        arguments += ["--set", override]
    code = "import sys; from fenqun.cli import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{config}: {done.stderr.strip() or done.stdout.strip()}")


def row(folder: Path) -> dict[str, Any]:
    """Everything the table says about a finished run."""
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    stages = {stage["name"]: stage for stage in record["stages"]}
    figures = {name: stage["figures"] for name, stage in stages.items()}
    chosen = figures["segmentation"]
    compared = {
        (cell["strategy"], cell["metric"]): cell
        for cell in pq.read_table(folder / "comparison.parquet").to_pylist()
    }
    segments = pq.read_table(folder / "segments.parquet", columns=["name_en", "name_zh", "size"]).to_pylist()
    segments.sort(key=lambda segment: (-segment["size"], segment["name_en"]))
    return {
        "events": figures["data"]["events"],
        "rejected": figures["data"]["rejected"],
        "users": figures["data"]["users"],
        "items": figures["data"]["items"],
        "split": figures["profiles"]["method"],
        "blocks": sorted(figures["vectors"]["final"]["blocks"]),
        "k": chosen["k"],
        "clusterer": chosen["clusterer"],
        "rejected_by_gate": chosen["rejected"],
        "agreement": chosen["agreement"],
        "kind": figures["evaluation"]["kind"],
        "ndcg": _contest(compared, "ndcg"),
        "explained_value": _contest(compared, "explained_value"),
        "explained_events": _contest(compared, "explained_events"),
        "labels": {
            metric.removesuffix(".nmi"): _contest(compared, metric)
            for metric in sorted({metric for _, metric in compared if metric.endswith(".nmi")})
        },
        "seconds": round(sum(stage["seconds"] for stage in record["stages"]), 1),
        "seconds_by_stage": {name: round(stage["seconds"], 1) for name, stage in stages.items()},
        "peak_mb": round(max(stage["peak_mb"] for stage in record["stages"])),
        "names": [[segment["name_en"], segment["name_zh"]] for segment in segments],
    }


def _contest(compared: dict[tuple[str, str], dict[str, Any]], metric: str) -> dict[str, Any] | None:
    """Learned, the best traditional strategy and popularity in one figure; None where it has no meaning."""
    found = {strategy: cell for (strategy, name), cell in compared.items() if name == metric}
    rivals = {s: found[s]["value"] for s in TRADITIONAL if s in found and found[s]["value"] is not None}
    if "learned" not in found or found["learned"]["value"] is None:
        return None
    best = max(rivals, key=lambda strategy: rivals[strategy]) if rivals else None
    result: dict[str, Any] = {"learned": round(found["learned"]["value"], 4), "n": found["learned"]["n"]}
    if best is not None:
        cell = found[best]
        result |= {"best": best, "traditional": round(cell["value"], 4)}
        if cell["difference"] is not None:
            bounds = (cell["difference"], cell["difference_low"], cell["difference_high"])
            result["traditional_less_learned"] = [round(value, 4) for value in bounds]
    if "popularity" in found:
        result["popularity"] = round(found["popularity"]["value"], 4)
    return result


HEADER = (
    "| data set | events | users | items | split | blocks | k | clusterer | NDCG@20 learned / best traditional / "
    "popularity | value explained learned / best traditional | s | peak MB | largest segments |"
)


def table(rows: dict[str, dict[str, Any]]) -> str:
    lines = [HEADER, "|" + "---|" * (HEADER.count("|") - 1)]
    for name, cell in rows.items():
        names = "; ".join(f"{en} ({zh})" for en, zh in cell["names"][:SAMPLES])
        lines.append(
            f"| {name} | {cell['events']:,} | {cell['users']:,} | {cell['items']:,} | {cell['split']} "
            f"| {' + '.join(cell['blocks'])} | {cell['k']} | {cell['clusterer']} | {_duel(cell['ndcg'], True)} "
            f"| {_duel(cell['explained_value'], False)} | {cell['seconds']:.0f} | {cell['peak_mb']:,} | {names} |"
        )
    return "\n".join(lines)


def _duel(found: dict[str, Any] | None, popularity: bool) -> str:
    if found is None:
        return "–"
    parts = [f"{found['learned']:.3f}"]
    parts.append(f"{found['traditional']:.3f} ({found['best']})" if "best" in found else "–")
    if popularity:
        parts.append(f"{found['popularity']:.3f}")
    return " / ".join(parts)


def main() -> None:
    known = sorted(path.stem for path in (ROOT / "configs").glob("*.yaml"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT / ".cache" / "data", help="where data sets are prepared")
    parser.add_argument("--only", nargs="+", choices=known, default=known)
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "datasets", help="where the runs go")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="a.b=c")
    options = parser.parse_args()
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() and not options.overrides else {}
    for name in options.only:
        try:
            config = settings_file(name, options.data)
        except (FenqunError, FileNotFoundError) as error:
            print(f"{name}: left out, {error}", file=sys.stderr)
            continue
        run(config, options.out / name, options.overrides)
        kept[name] = row(options.out / name)
        if not options.overrides:
            RESULTS.parent.mkdir(exist_ok=True)
            text = json.dumps(dict(sorted(kept.items())), ensure_ascii=False, indent=1)
            RESULTS.write_text(text + "\n", encoding="utf-8")
    print(table({name: kept[name] for name in options.only if name in kept}))


if __name__ == "__main__":
    main()
