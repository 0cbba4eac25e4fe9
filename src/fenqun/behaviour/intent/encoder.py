"""The intent encoder: users as what a sequence model makes of their events."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from fenqun.behaviour.intent.batches import EventReader
from fenqun.behaviour.intent.outlook import Outlook
from fenqun.behaviour.intent.plan import Plan
from fenqun.behaviour.intent.spans import Spans, last_spans
from fenqun.behaviour.intent.vocabulary import Vocabulary
from fenqun.behaviour.listing import Listing
from fenqun.config import Intent
from fenqun.content.threads import one_thread
from fenqun.data.sequence_store import SequenceStore
from fenqun.errors import ConfigError
from fenqun.progress import Progress, Silent
from fenqun.store import explain_damage

if TYPE_CHECKING:
    import torch

    from fenqun.behaviour.intent.model import EventModel

Floats32 = npt.NDArray[np.float32]

LARGE = 20_000
"""Users from which on ``auto`` is the transformer and not the recurrent unit."""

_EMBED_TOKENS = 2048
"""Events of a batch that is embedded: what fits a processor's cache."""


@dataclass(frozen=True)
class IntentChoice:
    """What validation time chose, for later fits to take over.

    Attributes
    ----------
    backbone
        Its name.
    share
        Share of the training plan after which it was best; 0 is the initialised model.
    """

    backbone: str
    share: float


class IntentEncoder:
    """A sequence model over events, trained on what comes next; a user's vector is its last state beside a mean.

    Items enter by their rows of another table (taste's), so that the model starts from what is known without
    order and an item without events of its own is no stranger.

    Parameters
    ----------
    config
        Settings.
    chosen
        What an earlier fit chose on validation time; None: choose.

    Attributes
    ----------
    model
        :class:`fenqun.behaviour.intent.model.EventModel`.
    vocabulary
        Codes of events.
    chosen
        :class:`IntentChoice` of this fit.
    timed
        Whether it learned what time without events says, so that :meth:`transform` needs to know now.
    figures
        What was tried and found, for the record of the stage.
    """

    model: EventModel
    vocabulary: Vocabulary
    chosen: IntentChoice
    timed: bool
    figures: dict[str, Any]

    def __init__(self, config: Intent | None = None, chosen: IntentChoice | None = None) -> None:
        self.config = config or Intent()
        self.given = chosen

    # -- fitting -------------------------------------------------------------------------------

    def fit(
        self,
        store: SequenceStore,
        folds: Collection[int],
        item_table: npt.NDArray[Any],
        *,
        judged: Collection[int] | None = None,
        now: int | None = None,
        repeats: bool = False,
        train: bool = True,
        seed: int = 0,
        device: str = "auto",
        progress: Progress | None = None,
    ) -> Self:
        """Train on the events of some folds.

        Parameters
        ----------
        store, folds
            Sequences, and the folds that may be learned from.
        item_table
            Shape (n_items, d): vectors of items to start from.
        judged
            Folds of held-out time, which choose the checkpoint; None: all of the plan is trained.
        now
            Epoch seconds up to which the folds know what everybody did; None: only up to each user's last event.
        repeats
            Whether lists that are judged on it may hold items that the user has.
        train
            False: the initialised model, a control.
        seed
            Of initialisation, batches and drawn items.
        device
            ``auto`` (a GPU where there is one), ``cpu`` or ``cuda``.
        progress
            Told about events.

        Raises
        ------
        ConfigError
            If the settings name no backbone, or their sizes do not fit.
        """
        from fenqun.behaviour.intent.building import initial_model
        from fenqun.behaviour.intent.objectives import NegativeSampler, Objective
        from fenqun.behaviour.intent.training import train as learn

        name = self.given.backbone if self.given else backbone_name(self.config, store.n_users)
        with one_thread(), _seeded(seed):
            import torch

            frequency = item_frequency(store, folds)
            self.vocabulary = Vocabulary.fit(store, folds)
            self.timed = now is not None
            outlook = Outlook.of(store, folds, self.vocabulary.half_lives, now)
            category = store.categories[0].astype(np.int64) + 1
            self.model = initial_model(
                self.config, name, item_table, category, frequency, self.vocabulary, outlook.width
            )
            target = _device(device)
            self.model.to(target)
            stop = self.given.share if self.given else float(train)
            sampler = NegativeSampler(torch.from_numpy(frequency), self.config.negatives)
            objective = Objective(self.config, self.model.backbone.causal, sampler)
            reader = EventReader(store, self.vocabulary, now, outlook, ahead="outlook" in objective.weights)
            judge = None
            if judged is not None and self.given is None and train:
                judge = self._judge(reader, folds, judged, repeats, seed)
            found = learn(
                self.model,
                reader,
                folds,
                objective,
                self.config,
                Plan.of(self.config, int(frequency.sum()), stop),
                judge=judge,
                seed=seed,
                device=target,
                progress=progress or Silent(),
            )
        self.chosen = self.given or IntentChoice(name, found.share)
        self.figures = {"backbone": name, "share": self.chosen.share, **found.figures}
        return self

    def _judge(
        self,
        reader: EventReader,
        learned: Collection[int],
        judged: Collection[int],
        repeats: bool,
        seed: int,
    ) -> Callable[[], float] | None:
        """Return what gives the mean of two NDCGs: of lists for all of the held-out time, and of each next event in it.

        By lists alone, a state that has learned in which order things come would count for nothing. A backbone that looks
        both ways is judged by its lists: its states have seen the next event. None where nobody can be judged.
        """
        import torch

        from fenqun.behaviour.intent.foresight import foretell
        from fenqun.behaviour.intent.training import half_precision

        store, length = reader.store, self.config.length
        listing = Listing.of(store.counts(learned, length), store.counts(judged), repeats, seed)
        if listing is None:
            return None

        def judge() -> float:
            if not self.model.backbone.causal:
                return listing.ndcg(*self.ranking(self._embed(reader, learned, listing.users)))
            stands = np.zeros((store.n_users, self.model.backbone.width), dtype=np.float32)
            device = next(self.model.parameters()).device
            self.model.eval()
            with torch.inference_mode(), one_thread(), half_precision(device), self.model.items.kept():
                stands[listing.users], following = foretell(
                    self.model, reader, learned, judged, listing.users, length, _EMBED_TOKENS
                )
                return (listing.ndcg(*self.ranking(stands)) + following) / 2

        return judge

    # -- using ---------------------------------------------------------------------------------

    @property
    def width(self) -> int:
        """Of a user vector: a state and a mean, each as wide as the backbone."""
        return 2 * self.model.backbone.width

    def transform(
        self,
        store: SequenceStore,
        folds: Collection[int],
        users: npt.NDArray[np.int64] | None = None,
        *,
        now: int | None = None,
    ) -> Floats32:
        """Embed users by their last events within folds.

        Parameters
        ----------
        store, folds
            Sequences, and the folds whose events count.
        now
            Epoch seconds at which one looks at them; without a meaning where :attr:`timed` is false.
        users
            int64 (n,): rows of the store; None: all.

        Returns
        -------
        ndarray
            float32 (n, :attr:`width`); zero for a user without events. A user alone and among others gets the same
            vector up to rounding (1e-5).

        Raises
        ------
        ValueError
            If ``now`` is missing and :attr:`timed` is true.
        """
        found = self._embed(self.reader(store, now), folds, users)
        return found if users is None else found[users]

    def reader(self, store: SequenceStore, now: int | None) -> EventReader:
        """Return what reads a store's events in this encoder's codes, looking from ``now`` as :meth:`transform` does."""
        if self.timed and now is None:
            raise ValueError("this encoder knows what time without events says: it must be told now")
        return EventReader(store, self.vocabulary, now if self.timed else None)

    def last_spans(self, store: SequenceStore, folds: Collection[int]) -> Spans:
        """Return the last events of every user within folds, as many as are looked at."""
        # Where a hidden event is put behind the last, it takes the place of the oldest.
        hidden = 0 if self.model.backbone.causal else 1
        return last_spans(store, folds, self.config.length - hidden)

    def _embed(self, reader: EventReader, folds: Collection[int], users: npt.NDArray[np.int64] | None) -> Floats32:
        """Return vectors of all users of the store, zero for those not asked for."""
        import torch

        from fenqun.behaviour.intent.training import half_precision

        spans = self.last_spans(reader.store, folds)
        if users is not None:
            spans = spans.take(np.flatnonzero(np.isin(spans.users, users)))
        found = np.zeros((reader.store.n_users, self.width), dtype=np.float32)
        device = next(self.model.parameters()).device
        was_training = self.model.training
        self.model.eval()
        with torch.inference_mode(), one_thread(), half_precision(device), self.model.items.kept():
            for batch in reader.batches(spans, _EMBED_TOKENS):
                found[batch.users] = self.model.users(batch.to(device)).float().cpu().numpy()
        self.model.train(was_training)
        return found

    def ranking(self, user_vectors: npt.NDArray[Any]) -> tuple[Floats32, Floats32]:
        """Return queries and item rows, (n, w + 1) and (n_items, w + 1), whose products are the items' scores.

        Only the last state of a user vector is asked: the first w columns, w being the backbone's width.
        """
        import torch

        device = next(self.model.parameters()).device
        with torch.inference_mode(), one_thread():
            vectors = torch.from_numpy(np.asarray(user_vectors, dtype=np.float32)).to(device)
            vectors = vectors[:, : self.model.backbone.width]
            queries = self.model.query(vectors).cpu().numpy()
            rows = self.model.items.everything().cpu().numpy()
            bias = self.model.items.bias.cpu().numpy()
        ones = np.ones((len(queries), 1), dtype=np.float32)
        return np.hstack([queries, ones]), np.hstack([rows, bias[:, None]])

    def scores(self, user_vectors: npt.NDArray[Any]) -> Floats32:
        """Score every item for users, (n, n_items); only the order within a row has a meaning."""
        queries, items = self.ranking(user_vectors)
        return np.asarray(queries @ items.T)

    # -- storing -------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        """Write ``intent.safetensors`` and ``intent.json`` into a folder, made if need be."""
        from safetensors.torch import save

        folder.mkdir(parents=True, exist_ok=True)
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in self.model.state_dict().items()}
        # Written by Python, so that a full disk is an error that is explained.
        (folder / "intent.safetensors").write_bytes(save(state))
        plain = {
            "config": self.config.model_dump(mode="json"),
            "chosen": asdict(self.chosen),
            "timed": self.timed,
            "vocabulary": self.vocabulary.to_dict(),
            "figures": self.figures,
        }
        (folder / "intent.json").write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> IntentEncoder:
        """Read what :meth:`save` wrote.

        Raises
        ------
        RunError
            If a file is missing or damaged.
        """
        from safetensors.torch import load_file

        from fenqun.behaviour.intent.building import make_model

        with explain_damage("holds no readable intent encoder", folder):
            plain = json.loads((folder / "intent.json").read_text(encoding="utf-8"))
            state = load_file(folder / "intent.safetensors")
            encoder = cls(Intent.model_validate(plain["config"]))
            encoder.chosen = IntentChoice(**plain["chosen"])
            encoder.timed = bool(plain["timed"])
            encoder.vocabulary = Vocabulary.from_dict(plain["vocabulary"])
            encoder.figures = plain["figures"]
            n_own = len(state["items.own.weight"])
            encoder.model = make_model(
                encoder.config,
                encoder.chosen.backbone,
                state["items.table"],
                state["items.category"],
                np.arange(n_own - 1),
                np.zeros(len(state["items.table"]), dtype=np.float32),
                encoder.vocabulary,
                len(state["ahead.bias"]),
            )
            encoder.model.load_state_dict(state)
        return encoder


def backbone_name(config: Intent, n_users: int) -> str:
    """Return the backbone that the settings mean for a log of so many users."""
    if config.backbone == "auto":
        return "gpt" if n_users >= LARGE else "gru"
    return config.backbone


def item_frequency(store: SequenceStore, folds: Collection[int]) -> npt.NDArray[np.float64]:
    """Return the events of each item within folds, float64 (n_items,)."""
    inside = np.isin(store.fold, np.asarray(sorted(folds), dtype=np.int8))
    return np.bincount(store.item[inside], minlength=store.n_items).astype(np.float64)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Draw initial weights and dropout from the seed, and leave torch's own random numbers alone."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def _device(name: str) -> torch.device:
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("no GPU is there", where="run.device", mend="set it to auto or cpu")
    return torch.device(name)
