"""Settings as a file: read from YAML, changed by ``--set a.b=c``, written back complete."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from fenqun.config import Config
from fenqun.errors import ConfigError


def load_config(source: str | Path | Mapping[str, Any], overrides: Iterable[str] = ()) -> Config:
    """Read settings from a YAML file or a mapping and apply ``a.b=c`` overrides.

    Relative source paths are taken from the YAML file's folder.

    Raises
    ------
    ConfigError
        Names the file, the setting, what is wrong and what is allowed.
    """
    where = "settings" if isinstance(source, Mapping) else str(source)
    try:
        return Config.model_validate(settings_tree(source, overrides))
    except ValidationError as error:
        raise ConfigError(_first_problem(error), where=where) from error


def settings_tree(source: str | Path | Mapping[str, Any], overrides: Iterable[str] = ()) -> dict[str, Any]:
    """Return settings as plain values, overrides applied and paths resolved, before they are checked.

    Raises
    ------
    ConfigError
        If there is no file, it is no YAML, or an override is malformed.
    """
    where = "settings"
    base: Path | None = None
    if isinstance(source, Mapping):
        tree: Any = yaml.safe_load(yaml.safe_dump(_plain(source), sort_keys=False))
    else:
        path = Path(source)
        where, base = str(path), path.parent
        try:
            tree = yaml.safe_load(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise ConfigError("no such file", where=where, mend="fenqun init writes one") from error
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot be read ({error})", where=where) from error
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f":{mark.line + 1}" if mark else ""
            problem = getattr(error, "problem", None) or "not YAML"
            raise ConfigError(f"not valid YAML ({problem})", where=f"{where}{line}") from error
    if not isinstance(tree, dict):
        raise ConfigError("holds no settings", where=where, mend="fenqun init writes a working file")
    for override in overrides:
        _override(tree, override)
    if base is not None:
        _resolve_paths(tree, base)
    return tree


def dump_config(config: Config) -> str:
    """Return the complete settings as YAML, in the order of the tree."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return str(value) if isinstance(value, Path) else value


def _override(tree: dict[str, Any], override: str) -> None:
    key, sign, text = override.partition("=")
    if not sign or not key:
        raise ConfigError(f"{override!r} is not of the form a.b=c", where="--set")
    node = tree
    *parents, last = key.split(".")
    for part in parents:
        child = node.get(part)
        if child is None:
            child = node[part] = {}
        if not isinstance(child, dict):
            raise ConfigError(f"{part!r} is a value and holds no settings", where=f"--set {override}")
        node = child
    try:
        node[last] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{text!r} is not a YAML value", where=f"--set {key}") from error


def _resolve_paths(tree: dict[str, Any], base: Path) -> None:
    def resolve(path: Any) -> Any:
        if isinstance(path, list):
            return [resolve(p) for p in path]
        if not isinstance(path, str) or "://" in path or Path(path).is_absolute() or path.startswith("python:"):
            return path
        return str(base / path)

    data = tree.get("data")
    tables = list(data.values()) if isinstance(data, dict) else []
    segmentation = tree.get("segmentation")
    if isinstance(segmentation, dict):
        tables.append(segmentation.get("external"))
    for table in tables:
        if isinstance(table, dict) and "path" in table:
            table["path"] = resolve(table["path"])
    behaviour = tree.get("behaviour")
    if isinstance(behaviour, dict) and behaviour.get("foundation") is not None:
        behaviour["foundation"] = resolve(behaviour["foundation"])
    playbooks = tree.get("playbooks")
    if isinstance(playbooks, dict) and playbooks.get("path") is not None:
        playbooks["path"] = resolve(playbooks["path"])
    elif isinstance(playbooks, str) and playbooks != "none":
        tree["playbooks"] = resolve(playbooks)
    if tree.get("previous") is not None:
        tree["previous"] = resolve(tree["previous"])


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    place = ".".join(str(part) for part in problem["loc"]) or "settings"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        message = "no such setting"
    elif problem["type"] == "missing":
        message = "is required"
    return f"{place}: {message}"
