"""Sounds: what an encoder of sounds offers, how the settings name one, and how a file is read."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from scipy.io import wavfile
from scipy.signal import resample_poly

from fenqun.content.imported import ImportedModel
from fenqun.content.media import Decoding, FileEncoder, UnreadableFileError
from fenqun.errors import ConfigError, MissingExtraError

Floats32 = npt.NDArray[np.float32]

LONGEST = 30.0
"""Seconds of a sound that are heard, from its start."""

RATE = 16_000
"""Samples a second that a sound is brought to for a torch module and for the encoders here."""

MODULE_SECONDS = 10.0
"""Seconds that a torch module is given: shorter sounds are followed by silence, longer ones cut."""


@dataclass(frozen=True)
class Sound:
    """One sound.

    Attributes
    ----------
    waveform
        float32 (n,): one channel, -1 to 1.
    rate
        Samples a second.
    """

    waveform: Floats32
    rate: int

    def at(self, rate: int) -> Floats32:
        """Return the waveform at another rate, float32 (n * rate / self.rate,)."""
        if rate == self.rate:
            return self.waveform
        divisor = int(np.gcd(rate, self.rate))
        return np.asarray(resample_poly(self.waveform, rate // divisor, self.rate // divisor), dtype=np.float32)


@runtime_checkable
class AudioEncoder(Protocol):
    """Turns sounds into vectors; the same sound always gets the same vector.

    Attributes
    ----------
    id
        Names the model and everything else that its vectors depend on; part of the cache key.
    batch
        Sounds that are worth sending at once.
    """

    id: str
    batch: int

    def encode(self, sounds: Sequence[Sound]) -> Floats32:
        """Return float32, shape (len(sounds), d)."""


class ImportedSounds:
    """A function that takes a list of (waveform, rate), or a torch module that takes a batch of waveforms.

    A module is given float32 (b, 160000): ten seconds at 16 kHz, each of mean 0 and deviation 1.
    """

    batch = 32

    def __init__(self, name: str) -> None:
        self._model = ImportedModel(name, "content.audio", _normalised)
        self.id = self._model.id

    def encode(self, sounds: Sequence[Sound]) -> Floats32:
        """Return float32, shape (len(sounds), d)."""
        return self._model([(sound.waveform, sound.rate) for sound in sounds])


def make_audio_encoder(name: str) -> FileEncoder | None:
    """Make the encoder of sounds that ``content.audio`` names; None for ``none``.

    Raises
    ------
    ConfigError
        If the name is unknown.
    MissingExtraError
        If a library is not installed.
    """
    kind, _, model = name.partition(":")
    encoder: AudioEncoder
    if name == "none":
        return None
    if name == "mel":
        from fenqun.content.mel import MelStatistics

        encoder = MelStatistics()
    elif name == "resemblyzer":
        from fenqun.content.voice import VoiceEncoder

        encoder = VoiceEncoder()
    elif kind == "sentence-transformers" and model:
        from fenqun.content.sentence_transformer import SentenceTransformerSounds

        encoder = SentenceTransformerSounds(model)
    elif kind == "callable" and model.count(":") == 1:
        encoder = ImportedSounds(model)
    else:
        raise ConfigError(
            f"{name!r} names no encoder of sounds",
            where="content.audio",
            mend="use one of: none, mel, resemblyzer, sentence-transformers:NAME, callable:MODULE:NAME",
        )
    return Decoding(encoder, read_sound, f"{LONGEST:g}s")


def read_sound(source: Path | bytes) -> Sound:
    """Decode the first :data:`LONGEST` seconds of a sound, its channels averaged.

    WAV needs nothing; any other format needs soundfile.

    Raises
    ------
    UnreadableFileError
        If it cannot be decoded, is empty, or holds numbers that are none.
    MissingExtraError
        If soundfile is needed and not installed.
    """
    head = source[:12] if isinstance(source, bytes) else _head(source)
    if head[:4] in (b"RIFF", b"RIFX", b"RF64") and head[8:12] == b"WAVE":
        samples, rate = _read_wav(source)
    else:
        samples, rate = _read_other(source)
    with np.errstate(over="ignore", invalid="ignore"):
        waveform = samples.mean(axis=1) if samples.ndim == 2 else samples
    if not waveform.size or rate < 1 or not np.isfinite(waveform).all():
        raise UnreadableFileError("holds no samples")
    return Sound(np.ascontiguousarray(waveform, dtype=np.float32), int(rate))


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(12)
    except OSError as error:
        raise UnreadableFileError(str(error)) from error


def _read_wav(source: Path | bytes) -> tuple[Floats32, int]:
    try:
        with warnings.catch_warnings(action="ignore"):
            rate, samples = _open_wav(source)
    except Exception as error:  # scipy lets any kind of error through on damaged chunks
        raise UnreadableFileError(str(error)) from error
    samples = np.asarray(samples[: int(LONGEST * rate)])
    if samples.dtype.kind == "f":
        return samples.astype(np.float32), rate
    if samples.dtype == np.uint8:
        return (samples.astype(np.float32) - 128.0) / 128.0, rate
    return samples.astype(np.float32) / float(np.iinfo(samples.dtype).max), rate


def _open_wav(source: Path | bytes) -> tuple[int, Any]:
    if isinstance(source, bytes):
        rate, samples = wavfile.read(io.BytesIO(source))
        return rate, samples
    try:
        rate, samples = wavfile.read(source, mmap=True)  # of a long sound, only the start is read
    except ValueError:  # 24 bits a sample cannot be mapped
        rate, samples = wavfile.read(source)
    return rate, samples


def _read_other(source: Path | bytes) -> tuple[Floats32, int]:
    try:
        import soundfile
    except (ImportError, OSError) as error:  # OSError: its shared library is not there
        raise MissingExtraError("soundfile", "audio") from error
    try:
        with soundfile.SoundFile(io.BytesIO(source) if isinstance(source, bytes) else source) as stream:
            return stream.read(int(LONGEST * stream.samplerate), dtype="float32"), stream.samplerate
    except (soundfile.SoundFileError, OSError, ValueError, TypeError) as error:
        raise UnreadableFileError(str(error)) from error


def _normalised(batch: Sequence[tuple[Floats32, int]]) -> Any:
    import torch

    length = int(MODULE_SECONDS * RATE)
    waveforms = np.zeros((len(batch), length), dtype=np.float32)
    for row, (waveform, rate) in enumerate(batch):
        heard = Sound(waveform, rate).at(RATE)[:length]
        waveforms[row, : len(heard)] = (heard - heard.mean()) / max(float(heard.std()), 1e-5)
    return torch.from_numpy(waveforms)
