"""Object stores and web addresses through DuckDB's httpfs."""

from __future__ import annotations

import os

from fenqun.engines.duckdb import DuckDBEngine, literal

_S3_LIKE = ("s3", "s3a", "s3n", "gs", "gcs", "r2")
_VARIABLES = {
    "KEY_ID": "AWS_ACCESS_KEY_ID",
    "SECRET": "AWS_SECRET_ACCESS_KEY",
    "SESSION_TOKEN": "AWS_SESSION_TOKEN",
    "REGION": "AWS_REGION",
}


def open_store(engine: DuckDBEngine, path: str) -> None:
    """Load what an address needs; S3 keys come from the usual environment variables.

    Raises
    ------
    MissingExtraError
        If httpfs is not installed (extra ``lake``).
    """
    engine.extension("httpfs")
    scheme = path.partition("://")[0].lower()
    if scheme not in _S3_LIKE:
        return
    kind = {"gs": "gcs", "gcs": "gcs", "r2": "r2"}.get(scheme, "s3")
    settings = [f"{key} {literal(os.environ[name])}" for key, name in _VARIABLES.items() if os.environ.get(name)]
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        secure, _, host = endpoint.rpartition("://")
        settings += [f"ENDPOINT {literal(host)}", "URL_STYLE 'path'", f"USE_SSL {str(secure != 'http').lower()}"]
    if settings:
        engine.execute(f"CREATE OR REPLACE TEMPORARY SECRET fenqun_{kind} (TYPE {kind}, {', '.join(settings)})")
