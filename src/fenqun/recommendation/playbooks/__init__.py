"""Playbooks: what to do for which segment and tier, matched by measured figures."""

from __future__ import annotations

from fenqun.recommendation.playbooks.matching import match_groups
from fenqun.recommendation.playbooks.model import Entry, Playbook
from fenqun.recommendation.playbooks.reading import built_in, chosen_playbook, dump_playbook, read_playbook

__all__ = ["Entry", "Playbook", "built_in", "chosen_playbook", "dump_playbook", "match_groups", "read_playbook"]
