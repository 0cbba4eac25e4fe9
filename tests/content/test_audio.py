from __future__ import annotations

import importlib.util
import io
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from fenqun.content.audio import LONGEST, AudioEncoder, ImportedSounds, Sound, make_audio_encoder, read_sound
from fenqun.content.media import UnreadableFileError
from fenqun.content.mel import MelStatistics, mel_filters
from fenqun.errors import ConfigError

RATE = 16_000


def tone(pitch: float, seconds: float = 1.0, rate: int = RATE, phase: float = 0.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * pitch * np.arange(int(seconds * rate)) / rate + phase)


def wav(samples: np.ndarray, rate: int = RATE) -> bytes:
    stream = io.BytesIO()
    wavfile.write(stream, rate, samples)
    return stream.getvalue()


def chunk(samples: np.ndarray) -> bytes:
    """A WAV of 24 bits a sample, which scipy does not write."""
    data = b"".join(int(s * (2**23 - 1)).to_bytes(3, "little", signed=True) for s in samples)
    form = b"\x01\x00\x01\x00" + RATE.to_bytes(4, "little") + (RATE * 3).to_bytes(4, "little") + b"\x03\x00\x18\x00"
    body = b"WAVEfmt " + (16).to_bytes(4, "little") + form + b"data" + len(data).to_bytes(4, "little") + data
    return b"RIFF" + len(body).to_bytes(4, "little") + body


@pytest.mark.parametrize(
    ("data", "tolerance"),
    [
        (wav(tone(440).astype(np.float32)), 1e-6),
        (wav(tone(440)), 1e-6),
        (wav((tone(440) * 32767).astype(np.int16)), 1e-4),
        (wav((tone(440) * (2**31 - 1)).astype(np.int32)), 1e-6),
        (wav((tone(440) * 127 + 128).astype(np.uint8)), 2e-2),
        (chunk(tone(440)), 1e-5),
        (wav(np.stack([tone(440) * 2, np.zeros(RATE)], axis=1)), 1e-6),
    ],
)
def test_every_kind_of_sample_is_the_same_sound(tmp_path: Path, data: bytes, tolerance: float) -> None:
    path = tmp_path / "sound.wav"
    path.write_bytes(data)
    for source in (data, path):
        sound = read_sound(source)
        assert sound.rate == RATE and sound.waveform.dtype == np.float32
        np.testing.assert_allclose(sound.waveform, tone(440), atol=tolerance)


def test_a_long_sound_is_heard_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    path.write_bytes(wav(np.zeros(8000 * 40, dtype=np.int16), 8000))
    assert len(read_sound(path).waveform) == LONGEST * 8000


def test_other_formats_need_soundfile(tmp_path: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    path = tmp_path / "sound.flac"
    soundfile.write(path, tone(440), RATE)
    np.testing.assert_allclose(read_sound(path).waveform, tone(440), atol=1e-4)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UnreadableFileError):
        read_sound(path)


@pytest.mark.parametrize(
    "data", [wav(tone(440))[:30], wav(np.zeros(0, np.int16)), wav(np.full(9, np.nan)), b"RIFF0000WAVE"]
)
def test_damage_is_told_as_damage(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "sound.wav"
    path.write_bytes(data)
    for source in (path, data):
        with pytest.raises(UnreadableFileError):
            read_sound(source)


def sounds(*waveforms: np.ndarray, rate: int = RATE) -> list[Sound]:
    return [Sound(waveform.astype(np.float32), rate) for waveform in waveforms]


def test_mel_statistics_hear_pitch_and_rhythm_and_not_loudness_or_rate() -> None:
    encoder = MelStatistics()
    assert isinstance(encoder, AudioEncoder)
    beat = (np.sin(2 * np.pi * 6 * np.arange(2 * RATE) / RATE) > 0).astype(float)
    low, high, beaten = tone(300, 2), tone(3000, 2), tone(300, 2) * beat
    vectors = encoder.encode([*sounds(low, low * 0.2, high, beaten), *sounds(tone(300, 2, 44100), rate=44100)])
    assert vectors.shape == (5, 232) and np.isfinite(vectors).all()
    distance = np.linalg.norm(vectors - vectors[0], axis=1)
    assert distance[1] < 0.1 * distance[2] and distance[4] < 0.5 * min(distance[2], distance[3])
    # Six beats a second show between four and eight, where the tone lies.
    modulation = vectors[:, -40:].reshape(5, 8, 5)[:, 0]
    assert modulation[3].argmax() == 2 and modulation[3, 2] > modulation[0, 2] + 2


@pytest.mark.parametrize("length", [1, 399, 400, 401, 16000])
def test_short_and_silent_sounds_have_a_vector(length: int) -> None:
    vectors = MelStatistics().encode(sounds(np.zeros(length), np.ones(length)))
    assert vectors.shape == (2, 232) and np.isfinite(vectors).all()


def test_bands_cover_what_is_heard() -> None:
    filters = mel_filters(40)
    assert filters.shape == (201, 40) and (filters >= 0).all()
    assert (np.diff(filters.argmax(axis=0)) >= 0).all() and (filters.sum(axis=0) > 0).all()


MODELS = """
import numpy as np, torch
def loud(sounds):
    return np.array([[np.abs(waveform).mean(), rate] for waveform, rate in sounds])
class Rows(torch.nn.Module):
    def forward(self, waveforms):
        return waveforms.unfold(1, 1600, 1600).std(dim=2)
rows = Rows()
"""


def test_a_function_and_a_torch_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "heard_models.py").write_text(MODELS)
    sys.modules.pop("heard_models", None)
    importlib.invalidate_caches()
    heard = sounds(tone(440), tone(440, 12), rate=8000)
    loud = ImportedSounds("heard_models:loud").encode(heard)
    np.testing.assert_allclose(loud[:, 1], 8000)
    rows = ImportedSounds("heard_models:rows").encode(heard)
    assert rows.shape == (2, 100)
    assert rows[1].min() > 0.5 and not rows[0, 30:].any()


@pytest.mark.parametrize("name", ["clap", "callable:x", "callable:no_such_module:f", "sentence-transformers:"])
def test_unknown_encoders_are_refused_in_one_line(name: str) -> None:
    with pytest.raises(ConfigError, match=r"content\.audio"):
        make_audio_encoder(name)
    assert make_audio_encoder("none") is None


def voice(pitch: float, seconds: int = 2) -> np.ndarray:
    """Harmonics of a pitch that wavers, and a little breath."""
    bent = np.cumsum(pitch * (1 + 0.03 * np.sin(np.arange(seconds * RATE) / RATE * 9))) / RATE
    harmonics = sum(np.sin(2 * np.pi * k * bent) / k for k in range(1, 20))
    return 0.1 * harmonics + 0.002 * np.random.default_rng(0).standard_normal(seconds * RATE)


@pytest.mark.skipif(importlib.util.find_spec("resemblyzer") is None, reason="its weights are not installed")
def test_a_voice_is_told_from_another() -> None:
    encoder = make_audio_encoder("resemblyzer")
    assert encoder is not None
    vectors = encoder.encode(sounds(voice(110), voice(112), voice(240), voice(245)))
    assert vectors.shape == (4, 256)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    cosine = vectors @ vectors.T
    assert min(cosine[0, 1], cosine[2, 3]) > cosine[:2, 2:].max()


@pytest.mark.parametrize("seconds", [1, 2, 3, 5])
def test_voices_are_those_of_the_library(seconds: int) -> None:
    theirs = pytest.importorskip("resemblyzer", exc_type=ImportError, reason="its own code has needs of its own")
    waveform = voice(130, seconds).astype(np.float32)
    encoder = make_audio_encoder("resemblyzer")
    assert encoder is not None
    loud = theirs.normalize_volume(waveform, -30, increase_only=True)
    expected = theirs.VoiceEncoder("cpu", verbose=False).embed_utterance(loud)
    assert encoder.encode(sounds(waveform))[0] @ expected > 0.9999
