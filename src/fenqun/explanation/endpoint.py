"""A language model at an OpenAI-compatible endpoint that answers one question with JSON. It has no tools."""

from __future__ import annotations

import os
from typing import Any

from fenqun.errors import ConfigError, FenqunError, MissingExtraError

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
        try:
            from openai import OpenAI
        except ImportError as error:
            raise MissingExtraError("openai", "openai") from error
        key = os.environ.get(key_variable)
        if not key:
            raise ConfigError(
                f"the environment variable {key_variable} is not set",
                where="naming.model",
                mend="set it to the endpoint's key, or to anything where the endpoint wants none",
            )
        self.id = f"{model}@{base_url or 'default'}"
        self._model = model
        self._options: dict[str, Any] = {"seed": seed}
        if temperature is not None:
            self._options["temperature"] = temperature
        self._client = OpenAI(api_key=key, base_url=base_url, max_retries=0, timeout=timeout)

    def ask(self, messages: list[dict[str, str]], schema: dict[str, Any], question: str = "") -> str:
        """Return the answer to some messages, which the endpoint is asked to give as JSON of a schema.

        Nothing is stored, so ``question``, the name of what is asked, is not used.

        Raises
        ------
        NoAnswerError
            ``timeout``, ``http`` (with the status) or ``connection``, ``empty`` or ``too_long``.
        """
        from openai import APIConnectionError, APIStatusError, APITimeoutError, OpenAIError

        wanted = {"type": "json_schema", "json_schema": {"name": "segment_name", "strict": True, "schema": schema}}
        request: dict[str, Any] = {
            "model": self._model,
            "messages": messages,
            "response_format": wanted,
            **self._options,
        }
        try:
            answer = self._client.chat.completions.create(**request)
            text = answer.choices[0].message.content
        except APITimeoutError as error:
            raise NoAnswerError("timeout", "") from error
        except APIStatusError as error:
            raise NoAnswerError("http", str(error.status_code)) from error
        except APIConnectionError as error:
            raise NoAnswerError("connection", "") from error
        except (OpenAIError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise NoAnswerError("malformed", "") from error
        if not isinstance(text, str) or not text.strip():
            raise NoAnswerError("empty", "")
        if len(text) > LONGEST_ANSWER:
            raise NoAnswerError("too_long", "")
        return text
