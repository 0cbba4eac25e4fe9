"""A language model at an OpenAI-compatible endpoint that answers one question with JSON. It has no tools."""

from __future__ import annotations

from typing import Any

from fenqun.content.openai_client import EndpointError, make_client, requesting
from fenqun.errors import FenqunError

LONGEST_ANSWER = 20_000
"""Characters of an answer that are read."""


class NoAnswerError(FenqunError):
    """The endpoint gave no answer that can be read; ``code`` says why."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        super().__init__(detail)


class ChatEndpoint:
    """Chat completions over HTTP; the key comes from the environment and is stored nowhere.

    Parameters
    ----------
    model
        Name that the endpoint knows.
    base_url
        Of the endpoint, such as ``http://localhost:8000/v1``; None: the client's own default.
    key_variable
        Environment variable that holds the key.
    timeout
        Seconds for one answer.
    temperature, seed
        Sent along; a temperature of None is left to the endpoint.

    Raises
    ------
    MissingExtraError
        If the client is not installed.
    ConfigError
        If there is no key; an endpoint of one's own may take any.
    """

    def __init__(
        self,
        model: str,
        base_url: str | None = None,
        key_variable: str = "OPENAI_API_KEY",
        timeout: float = 20.0,
        temperature: float | None = 0.0,
        seed: int = 0,
    ) -> None:
        self.id = f"{model}@{base_url or 'default'}"
        self._model = model
        self._options: dict[str, Any] = {"seed": seed}
        if temperature is not None:
            self._options["temperature"] = temperature
        self._client = make_client(base_url, key_variable, "naming.model", timeout=timeout, retries=0)

    def ask(self, messages: list[dict[str, str]], schema: dict[str, Any], question: str = "") -> str:
        """Return the answer to some messages, which the endpoint is asked to give as JSON of a schema.

        Nothing is stored, so ``question``, the name of what is asked, is not used.

        Raises
        ------
        NoAnswerError
            ``timeout``, ``http`` (with the status) or ``connection``, ``empty`` or ``too_long``.
        """
        wanted = {"type": "json_schema", "json_schema": {"name": "segment_name", "strict": True, "schema": schema}}
        request: dict[str, Any] = {
            "model": self._model,
            "messages": messages,
            "response_format": wanted,
            **self._options,
        }
        try:
            with requesting():
                answer = self._client.chat.completions.create(**request)
            text = answer.choices[0].message.content
        except EndpointError as error:
            code = "malformed" if error.kind == "other" else error.kind
            raise NoAnswerError(code, "" if error.status is None else str(error.status)) from error
        except (TypeError, ValueError, AttributeError, IndexError) as error:
            raise NoAnswerError("malformed", "") from error
        if not isinstance(text, str) or not text.strip():
            raise NoAnswerError("empty", "")
        if len(text) > LONGEST_ANSWER:
            raise NoAnswerError("too_long", "")
        return text
