"""Settings of the playbooks: whose entries are matched, and from how many users on."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from fenqun.config.base import Settings


class Playbooks(Settings):
    """What to do for which segment and tier; a plain text is ``path``, or ``none``."""

    path: str | None = Field(
        None, description="YAML of your own; fenqun playbook --show SCENARIO prints one to edit"
    )
    use: Literal["extend", "replace", "none"] = Field(
        "extend",
        description="extend: your entries beside the scenario's, in whose place they stand under the same id; "
        "replace: yours alone; none: no plays",
    )
    min_users: int = Field(20, ge=1, description="Fewest users that anything is done for as a group")

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, given: Any) -> Any:
        if isinstance(given, str):
            return {"use": "none"} if given == "none" else {"path": given}
        return given

    @model_validator(mode="after")
    def _own_file(self) -> Playbooks:
        if self.use == "replace" and self.path is None:
            raise ValueError("use: replace needs path, the playbook that replaces the scenario's")
        return self
