"""The client of an OpenAI-compatible endpoint: the one module that knows the library."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from fenqun.errors import ConfigError, MissingExtraError

Failure = Literal["timeout", "http", "connection", "other"]


class EndpointError(Exception):
    """A request failed.

    Attributes
    ----------
    kind
        How.
    status
        Of the answer, where ``kind`` is ``http``.
    """

    def __init__(self, kind: Failure, text: str, status: int | None = None) -> None:
        self.kind, self.status = kind, status
        super().__init__(text)


def make_client(base_url: str | None, key_variable: str, where: str, *, timeout: float, retries: int) -> Any:
    """Return a client with the key of an environment variable.

    Parameters
    ----------
    base_url
        Of the endpoint, such as ``http://localhost:8000/v1``; None: the client's own default.
    key_variable
        Environment variable that holds the key.
    where
        Setting that asks for it, for the error.
    timeout
        Seconds for one answer.
    retries
        Further attempts of a request that failed.

    Raises
    ------
    MissingExtraError
        If the library is not installed.
    ConfigError
        If there is no key; an endpoint of one's own may take any.
    """
    try:
        from openai import OpenAI
    except ImportError as error:
        raise MissingExtraError("openai", "openai") from error
    key = os.environ.get(key_variable)
    if not key:
        raise ConfigError(
            f"the environment variable {key_variable} is not set",
            where=where,
            mend="set it to the endpoint's key, or to anything where the endpoint wants none",
        )
    return OpenAI(api_key=key, base_url=base_url, max_retries=retries, timeout=timeout)


@contextmanager
def requesting() -> Iterator[None]:
    """Turn the library's errors into :class:`EndpointError` while a request runs."""
    from openai import APIConnectionError, APIStatusError, APITimeoutError, OpenAIError

    try:
        yield
    except APITimeoutError as error:  # a kind of connection error there
        raise EndpointError("timeout", str(error)) from error
    except APIStatusError as error:
        raise EndpointError("http", str(error), error.status_code) from error
    except APIConnectionError as error:
        raise EndpointError("connection", str(error)) from error
    except OpenAIError as error:
        raise EndpointError("other", str(error)) from error
