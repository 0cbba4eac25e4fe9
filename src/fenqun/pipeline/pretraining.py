"""From settings files to a foundation: read each log as a run would, then learn one map from all."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from scipy import sparse

from fenqun.behaviour.foundation import CARD, Foundation, Texts
from fenqun.behaviour.pretraining import Source, pretrain
from fenqun.config import Config
from fenqun.errors import ConfigError, RunError
from fenqun.pipeline.context import Context
from fenqun.pipeline.phases import Phases
from fenqun.pipeline.reading import make_profiles, read_data
from fenqun.progress import Progress
from fenqun.store import Run, explain_io

__all__ = ["make_foundation"]


def make_foundation(
    configs: Sequence[tuple[str, Config]], folder: Path, licences: Sequence[str], progress: Progress
) -> Foundation:
    """Learn a foundation and write it.

    Parameters
    ----------
    configs
        Name and settings of each source; taste, width and seed are those of the first.
    folder
        Where it goes. A foundation that lies there is replaced; anything else is left alone.
    licences
        One a source, or none.
    progress
        Listener.

    Raises
    ------
    ConfigError
        If there are licences, but not one a source.
    RunError
        If the folder holds something that is no foundation.
    SourceError, QualityError, MissingExtraError
        As a run raises them.
    """
    if licences and len(licences) != len(configs):
        raise ConfigError(
            f"{len(licences)} licences for {len(configs)} sources", where="--licence", mend="give one for each"
        )
    with explain_io(folder):
        if folder.exists() and not (folder.is_dir() and ((folder / CARD).is_file() or not any(folder.iterdir()))):
            raise RunError("holds something that is no foundation", where=str(folder), mend="choose another -o")
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Texts stay encoded while the sources are read, in a folder that goes with the process.
        with tempfile.TemporaryDirectory(prefix=".partial-", dir=folder.parent) as scratch:
            sources = [
                _read(name, config, Path(scratch) / str(place), Path(scratch) / "cache", progress)
                for place, (name, config) in enumerate(configs)
            ]
    first = configs[0][1]
    foundation = pretrain(
        sources, first.behaviour.taste, first.content.width, licences, seed=first.run.seed, progress=progress
    )
    foundation.save(folder)
    return foundation


def _read(name: str, config: Config, folder: Path, cache: Path, progress: Progress) -> Source:
    progress.note(f"{name}: reading")
    context = Context(config, Run.create(folder), progress)
    try:
        read_data(context)
        make_profiles(context)
    finally:
        context.close()
        context.run.close()
    phases = Phases(config, context.run)
    texts = Texts.encode(config.content, phases.store.texts, cache, progress)
    # Test time is left out of what is learned: a run on the same log may judge itself there.
    learn, held_out = sparse.csr_matrix(phases.counts("select")), sparse.csr_matrix(phases.truth("select"))
    return Source(name, texts, learn, held_out, phases.repeats)
