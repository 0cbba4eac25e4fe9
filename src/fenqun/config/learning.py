"""Settings of what is learned: item vectors, the blocks of a user vector, their fusion, the search."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from fenqun.config.base import Duration, Settings


class Content(Settings):
    """Item text, pictures and sounds to vectors."""

    encoder: str = Field(
        "use", description="Of text: use, none, huggingface:FOLDER, sentence-transformers:NAME, openai:MODEL"
    )
    base_url: str | None = Field(None, description="Of an OpenAI-compatible endpoint")
    adapt: bool = Field(
        False, description="Adapt a huggingface encoder with LoRA to items that the same users take"
    )
    image: str = Field(
        "none",
        description="Of pictures: none, efficientnet-lite0, sentence-transformers:NAME, callable:MODULE:NAME",
    )
    audio: str = Field(
        "none", description="Of sounds: none, mel, resemblyzer, sentence-transformers:NAME, callable:MODULE:NAME"
    )
    width: int = Field(64, ge=2, description="Width after whitening")


class Taste(Settings):
    """The set encoder: who a user is, order-free."""

    width: int = Field(64, ge=2)
    weighting: Literal["auto", "log", "binary"] = Field("auto", description="Of repeated events with one item")
    als_iterations: int = Field(15, ge=1)
    als_regularization: float = Field(0.01, gt=0)
    scales: tuple[float, ...] = Field(
        (5.0, 20.0, 80.0), min_length=1, description="Confidence scales to choose from"
    )
    tune: bool = Field(True, description="False: the initialised-only encoder, a control")
    epochs: int = Field(5, ge=1)
    batch: int = Field(512, ge=2)
    learning_rate: float = Field(3e-3, gt=0)
    temperature: float = Field(0.1, gt=0)
    text_gate: float = Field(
        5.0, ge=0, description="Item frequency at which log and text weigh the same; 0: no text"
    )


class Objectives(Settings):
    """Weights of what the intent block is trained for; 0 leaves one out."""

    next: float = Field(1.0, ge=0, description="The next events over a window, sampled softmax (gpt, gru)")
    masked: float = Field(1.0, ge=0, description="Masked events (bert)")
    timing: float = Field(0.05, ge=0, description="Time until the next event, and its value (gpt, gru)")
    outlook: float = Field(1.0, ge=0, description="Events and value over the coming weeks and months (gpt, gru)")
    contrastive: float = Field(0.0, ge=0, description="Two slices of one user attract")
    future: float = Field(0.0, ge=0, description="The past and the future of one user attract")


class Intent(Settings):
    """The sequence encoder: what a user does next."""

    backbone: str = Field(
        "auto",
        description="auto (gru, or gpt on a large log), gru, gpt, bert, huggingface:FOLDER, text:FOLDER, none",
    )
    width: int = Field(64, ge=8)
    depth: int = Field(2, ge=1, description="Layers")
    heads: int = Field(2, ge=1, description="Attention heads")
    length: int = Field(200, ge=2, description="Last events that a vector depends on")
    dropout: float = Field(0.1, ge=0, lt=1)
    objectives: Objectives = Objectives()
    window: int = Field(5, ge=1, description="Coming events that a state predicts")
    negatives: int = Field(256, ge=1, description="Items that a batch's true items are told from")
    tokens: int = Field(4096, ge=64, description="Events of a batch")
    learning_rate: float = Field(2e-3, gt=0)
    events: int = Field(1_500_000, ge=1, description="Events trained on at most, repeats counted")
    checks: int = Field(8, ge=1, description="Checkpoints judged on validation time")

    @property
    def text_model(self) -> str | None:
        """The language model that reads events as text; None where the backbone is another."""
        kind, _, model = self.backbone.partition(":")
        return model if kind == "text" else None

    @property
    def trained(self) -> bool:
        """Whether there is a backbone that is trained."""
        return self.backbone != "none" and self.text_model is None


class Rhythm(Settings):
    """Aggregates, and what they say of the future."""

    forecast: bool = Field(True, description="Learn future value, activity and return on earlier cuts")
    horizon: Duration | None = Field(None, description="None: the first target's, or as long as the test time")
    cuts: int = Field(3, ge=1, description="Earlier cuts to learn from, where the log is long enough")


class Behaviour(Settings):
    """What is learned from the sequences."""

    max_events: int = Field(2000, ge=1, description="A user vector depends on the last events only")
    foundation: str | None = Field(None, description="Folder that fenqun pretrain wrote")
    taste: Taste = Taste()
    intent: Intent = Intent()
    rhythm: Rhythm = Rhythm()


class BlockWeights(Settings):
    """Fixed weight of each block in the fused vector; 0 leaves it out."""

    taste: float = Field(1.0, ge=0)
    intent: float = Field(0.5, ge=0)
    rhythm: float = Field(0.5, ge=0)


class Vectors(Settings):
    """Fusion and reduction."""

    weights: BlockWeights = BlockWeights()
    gate: bool = Field(True, description="Drop a block that makes validation worse")
    components: int = Field(32, ge=1, description="Principal components kept for clustering")
    reducer: Literal["pca", "whitened", "none"] = Field(
        "pca",
        description="pca: the leading components; whitened: each of them scaled to variance 1; none: all directions",
    )
    map: Literal["tsne", "umap", "pca"] = "tsne"
    map_sample: int = Field(20000, ge=10, description="Users that the map is fitted on")


class Search(Settings):
    """Settings that are searched for on validation time, before anything is learned for good.

    Searched are the width, factorisation, confidence scale, tuning and text gate of taste, the weights of the blocks
    that have one beside it, the reducer and its components. Labels have no say.
    """

    trials: int = Field(0, ge=0, description="Settings to try, those given included; 0: take them as they are")
    objective: Literal["goal", "lift", "value", "both"] = Field(
        "goal",
        description="goal: the goal's first figure; lift: of segments' lists; value: variance of future value that "
        "segments explain; both: mean rank of lift and value; each as the lead over the settings as given",
    )
    intent: bool = Field(
        False, description="Search the sequence encoder's settings too: each trial then trains one"
    )
    events: int = Field(
        500_000, ge=1, description="Events that a sequence encoder of the search is trained on at most"
    )
