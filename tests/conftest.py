"""What tests share: no deadlines for properties, and a chat endpoint on this machine whose answers a test writes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import hypothesis
import pytest

# Timings live in benchmarks: a busy machine is no failure.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")


@dataclass
class ModelServer:
    """Answers each request with what ``answer`` returns: a text, a status, or seconds to wait before a text."""

    answer: Callable[[dict[str, Any]], Any]
    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)

    @staticmethod
    def data(asked: dict[str, Any]) -> dict[str, Any]:
        """Return the brief that a request carries."""
        block = asked["messages"][1]["content"]
        found: dict[str, Any] = json.loads(block.split("<data>\n")[1].split("\n</data>")[0])
        return found


@contextmanager
def serving(answer: Callable[[dict[str, Any]], Any]) -> Iterator[ModelServer]:
    """Serve until the block ends."""
    told = ModelServer(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.asked.append(asked)
            status, said = 200, told.answer(asked)
            if isinstance(said, tuple):
                time.sleep(said[0])
                said = said[1]
            if isinstance(said, int):
                status, body = said, {"error": {"message": "no"}}
            else:
                body = {
                    "id": "1", "object": "chat.completion", "created": 0, "model": asked["model"],
                    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": said}}],
                }  # fmt: skip
            raw = json.dumps(body).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)
            except (BrokenPipeError, ConnectionResetError):
                pass  # who asked has left

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    told.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()


Serve = Callable[[Callable[[dict[str, Any]], Any]], ModelServer]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Start a server that answers as a function says; the key is in the environment."""
    monkeypatch.setenv("OPENAI_API_KEY", "sesame")
    with ExitStack() as stack:
        yield lambda answer: stack.enter_context(serving(answer))
