"""Simulated users of four scenarios, with the truth about each of them and what the best possible guess would reach."""

from __future__ import annotations

from fenqun.data.simulation.base import Simulation
from fenqun.data.simulation.ecommerce import Shop
from fenqun.data.simulation.education import School
from fenqun.data.simulation.finance import Bank
from fenqun.data.simulation.social import Feed

SIMULATIONS: dict[str, type[Simulation]] = {cls.scenario: cls for cls in (Shop, Feed, School, Bank)}
"""Class by scenario."""

__all__ = ["SIMULATIONS", "Bank", "Feed", "School", "Shop", "Simulation"]
