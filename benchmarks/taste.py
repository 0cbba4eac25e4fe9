"""Which settings of taste matter for segments: confidence scale, epochs of tuning, text.

Protocol: complete_journey; taste is fitted on train time, users are clustered by k-means on 32 principal
components, and the segments' lists are judged by NDCG@20 on validation time. Test time is not touched, so
that defaults may be chosen from this table. Stability is the bootstrap ARI of the same clustering. The
standard error is over users, of the mean over seeds of the clustering.

    python benchmarks/taste.py [--seeds 3] [--out benchmarks/results/taste.json]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
from fenqun.pipeline.learning import embed_content
from sklearn.decomposition import TruncatedSVD

from fenqun.behaviour.taste import TasteChoice, TasteEncoder
from fenqun.behaviour.weighting import inverse_document_frequency, weigh_users
from fenqun.evaluation.stability import stability
from fenqun.pipeline.context import Context
from fenqun.pipeline.judging import PhaseJudge
from fenqun.pipeline.phases import Phases
from fenqun.pipeline.reading import make_profiles, read_data
from fenqun.progress import Silent
from fenqun.segmentation.clusterers.catalogue import make_clusterer
from fenqun.settings import load_config
from fenqun.store import Run
from fenqun.vectors.reduction import Reducer

HERE = Path(__file__).parent
KS = (12, 20)


def prepared(folder: Path) -> Phases:
    """Take complete_journey as far as item vectors."""
    config = load_config(HERE.parent / "configs" / "complete_journey.yaml")
    context = Context(config, Run.create(folder), Silent())
    for stage in (read_data, make_profiles, embed_content):
        stage(context)
    context.close()
    return Phases(config, context.run)


def judge_row(name: str, vectors: np.ndarray, judge: PhaseJudge, seeds: int) -> dict[str, object]:
    """Cluster at each k and judge lists and stability."""
    reduced = Reducer(32, seed=0).fit_transform(vectors)
    row: dict[str, object] = {"row": name}
    for k in KS:
        per_user = np.mean(
            [
                judge.lists(make_clusterer("kmeans", k, seed=s).fit(reduced).labels_)[1]["ndcg"]
                for s in range(seeds)
            ],
            axis=0,
        )
        judged = per_user[np.isfinite(per_user)]
        row[f"ndcg@20, k={k}"] = round(float(judged.mean()), 4)
        row[f"se, k={k}"] = round(float(judged.std() / np.sqrt(len(judged))), 4)
        row["n"] = len(judged)
        found = stability(reduced, lambda X, s, k=k: make_clusterer("kmeans", k, seed=s).fit(X).predict, repeats=8)
        row[f"bootstrap ARI, k={k}"] = round(found.ari, 3)
    print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "taste.json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        phases = prepared(Path(folder) / "run")
        active = phases.active("select")
        counts, judge = phases.counts("select")[active], PhaseJudge(phases, "select")
        vectors = np.stack(phases.run.read_table("item_vectors.parquet", ["vector"])["vector"].to_numpy())
        has_text = np.load(phases.run.require("work/has_text.npy"))
        weights = weigh_users(counts, "log", inverse_document_frequency(counts))
        rows = [
            judge_row("SVD-64", TruncatedSVD(64, random_state=0).fit_transform(weights), judge, arguments.seeds)
        ]
        for scale in (5.0, 20.0):
            for epochs in (0, 5, 15, 30):
                for text in (False, True):
                    encoder = TasteEncoder(phases.config.behaviour.taste, TasteChoice("log", scale, epochs))
                    told = (vectors, has_text) if text else (None, None)
                    encoder.fit(counts, *told, repeats=True, seed=0, threads=2)
                    name = f"scale {scale:g}, {epochs} epochs, {'text' if text else 'no text'}"
                    rows.append(judge_row(name, encoder.transform(counts), judge, arguments.seeds))
    protocol = " ".join((__doc__ or "").split("Protocol:")[1].split("python")[0].split())
    arguments.out.write_text(
        json.dumps({"protocol": protocol, "seeds": arguments.seeds, "rows": rows}, indent=1) + "\n"
    )


if __name__ == "__main__":
    main()
