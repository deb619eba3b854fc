"""Datasets of one history under other label and feature settings; nothing is computed twice."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from assay.config.settings import Settings
from assay.domain.errors import ConfigError
from assay.domain.facts_history import ContractFacts
from assay.research.dataset import Dataset, assemble, feature_names
from assay.research.labels import label_bars

KEPT_MAX = 8
"""Datasets that are kept; the earliest is forgotten first."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Variants:
    """The datasets that settings ask for, each made once.

    Attributes
    ----------
    base : Dataset
        Features, votes and labels under *settings*.
    settings : Settings
    instruments : mapping of str to Instrument or FactsHistory
    """

    base: Dataset
    settings: Settings
    instruments: Mapping[str, ContractFacts]
    _made: dict[tuple[str, ...], Dataset] = field(default_factory=dict)

    def of(self, settings: Settings) -> Dataset:
        """Return the dataset under *settings*, which may differ in labels and model features.

        Raises
        ------
        ConfigError
            If a feature is asked for that the base did not compute.
        """
        names = self._names(settings)
        if settings.labels == self.settings.labels and names == self.base.names:
            return self.base
        key = (settings.labels.model_dump_json(), *names)
        if key not in self._made:
            while len(self._made) >= KEPT_MAX:
                del self._made[next(iter(self._made))]
            self._made[key] = self._make(settings, names)
        return self._made[key]

    def _names(self, settings: Settings) -> tuple[str, ...]:
        """Return the columns that *settings* want, in the order of the base."""
        wanted, usual = set(feature_names(settings)), set(feature_names(self.settings))
        unknown = sorted(wanted - usual)
        if unknown:
            raise ConfigError(
                "A search must choose among the features of features.names and "
                f"features.timeframes; was {unknown[0]!r}.",
                remedy="Add it to the settings, and let the search leave it out.",
                value=unknown[0],
            )
        return tuple(name for name in self.base.names if name in wanted or name not in usual)

    def _make(self, settings: Settings, names: tuple[str, ...]) -> Dataset:
        place = [self.base.names.index(name) for name in names]
        is_whole = len(place) == len(self.base.names)
        data = {}
        for symbol, item in self.base.data.items():
            data[symbol] = replace(
                item,
                x=item.x if is_whole else np.ascontiguousarray(item.x[:, place]),
                mirror_x=item.mirror_x
                if is_whole
                else np.ascontiguousarray(item.mirror_x[:, place]),
                labels=label_bars(
                    item.bars,
                    self.instruments[symbol],
                    settings.labels,
                    settings.costs,
                    item.conversion,
                ),
            )
        return assemble(
            data,
            names,
            self.base.vote_names,
            self.base.unavailable,
            settings.labels.horizon_bars,
        )
