"""What simulations of a catalogue with titles have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fenqun.data.simulation.base import Language, Simulation
from fenqun.data.simulation.catalogues import Catalogue
from fenqun.errors import ConfigError

LEAST_ITEMS = 48


@dataclass(frozen=True)
class Titled(Simulation):
    """A simulation whose items have titles in categories.

    Attributes
    ----------
    items
        Size of the catalogue.
    titles
        Given titles instead of made-up ones.
    """

    items: int = 600
    titles: Catalogue | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.items < LEAST_ITEMS:
            raise ConfigError(
                f"{self.items} items are too few", where="items", mend=f"ask for {LEAST_ITEMS} or more"
            )

    def catalogue(self, make: Callable[[np.random.Generator, int, Language], Catalogue]) -> Catalogue:
        """Return a sample of the given titles, else what ``make`` makes up."""
        random = self.random()
        return self.titles.sample(random, self.items) if self.titles else make(random, self.items, self.language)
