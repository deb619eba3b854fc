"""The contract of a feature: one step, folded over bars, and nothing of the future."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from assay.data.bars import Bars
from assay.domain.errors import ConfigError
from assay.kernels.compiler import FloatArray

if TYPE_CHECKING:
    from assay.features.graph import Stream

COLUMNS = ("open", "high", "low", "close", "volume", "spread", "minute")
"""What a bar offers; ``minute`` is the New York minute of the week at which it is known."""

OPTIONAL_COLUMNS = frozenset({"volume", "spread"})
"""Columns that a source may lack; there they are NaN."""

PERIOD_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Lag:
    """The value of *source* so many bars ago; NaN where the fold is younger than that."""

    source: "Source"
    bars: int


@dataclass(frozen=True, slots=True)
class Highest:
    """The largest of the latest *bars* values of *source*, this bar included."""

    source: "Source"
    bars: int


@dataclass(frozen=True, slots=True)
class Lowest:
    """The smallest of the latest *bars* values of *source*, this bar included."""

    source: "Source"
    bars: int


@dataclass(frozen=True, slots=True)
class Window:
    """The latest *bars* values of *source*, oldest first, this bar last; fewer at the start."""

    source: "Source"
    bars: int


@dataclass(frozen=True, slots=True)
class Own:
    """What this fold itself put out as *output* so many bars ago; NaN before its first bar."""

    output: str
    bars: int


@dataclass(frozen=True, slots=True)
class OwnWindow:
    """The latest *bars* values of the fold's own *output*, without this bar; fewer at the start."""

    output: str
    bars: int


@dataclass(frozen=True, slots=True, eq=False)
class Feature:
    """A family of features: one definition for every period.

    Attributes
    ----------
    name : str
        Stem of the feature name, the only place that spells it: ``rsi`` gives ``rsi_14``.
    step : kernel
        ``step(state, i, *periods, *inputs) -> (state, value)``, or, with several outputs,
        ``(state, (value, ...))``. ``i`` counts bars from the first on which every input was
        known; once the fold is older than twice all its periods, it is some larger number. A
        feature without state has ``step(*periods, *inputs) -> value``.
    inputs : callable
        From the periods to what the step reads: a column or another feature (its value on this
        bar), or a past of one, such as ``Lag("close", n)``. Nothing else reaches the step.
    initial : tuple of float
        State before the first bar; empty for a feature without state.
    warm_up : callable
        From the periods to the leading values that are NaN, one per output or one for all,
        counted from the first bar on which every input is known.
    settles : callable
        From the periods to the bars after which the first bar has less than 1e-6 of the weight;
        -1 if it is never forgotten (a running level).
    periods : tuple of int
        The smallest value of each period.
    outputs : tuple of str
        Stems of all outputs, the first being ``name``; those that begin with ``_`` are the
        fold's own memory and no features.
    refresh : kernel or None
        ``refresh(*periods, *pasts) -> state`` computes the state afresh, every 128 bars, from
        the values before this bar that the lags reach, each a window, oldest first. It keeps
        the rounding of running sums from growing.
    meaning : str
        One line: what it is, and its unit.
    """

    name: str
    step: Callable[..., Any]
    inputs: Callable[..., "tuple[Input, ...]"]
    meaning: str
    initial: tuple[float, ...] = ()
    warm_up: Callable[..., int | tuple[int, ...]] = lambda *_: 0
    settles: Callable[..., int] | None = None
    refresh: Callable[..., tuple[float, ...]] | None = None
    periods: tuple[int, ...] = ()
    outputs: tuple[str, ...] = ()

    def __call__(self, *periods: int) -> "BoundFeature":
        """Bind the periods; the first output is taken.

        Raises
        ------
        ConfigError
            If there are too many or too few periods, or one is out of range.

        Examples
        --------
        >>> from assay.features.oscillator import RSI
        >>> RSI(14).name
        'rsi_14'
        """
        if len(periods) != len(self.periods):
            raise ConfigError(
                f"{self.name} must have {len(self.periods)} periods; had {len(periods)}.",
                remedy=f"Write {self.pattern}.",
            )
        for period, least in zip(periods, self.periods, strict=True):
            if not least <= period <= PERIOD_MAX:
                raise ConfigError(
                    f"A period of {self.name} must be in [{least}, {PERIOD_MAX}]; was {period}.",
                    remedy="Correct the number in the feature's name.",
                )
        return BoundFeature(self, tuple(int(period) for period in periods), self.stems[0])

    @property
    def stems(self) -> tuple[str, ...]:
        """Stems of all outputs, hidden ones included."""
        return self.outputs or (self.name,)

    @property
    def public(self) -> tuple[str, ...]:
        """Stems of the outputs that are features."""
        return tuple(stem for stem in self.stems if not stem.startswith("_"))

    @property
    def pattern(self) -> str:
        """How a name is written, such as ``macd_<n>_<n>_<n>``."""
        return self.name + "_<n>" * len(self.periods)


@dataclass(frozen=True, slots=True)
class BoundFeature:
    """One feature: a family, its periods, and which of its outputs."""

    feature: Feature
    periods: tuple[int, ...]
    stem: str

    @property
    def name(self) -> str:
        """The one spelling of this feature's name."""
        return "_".join((self.stem, *map(str, self.periods)))

    def __getitem__(self, stem: str) -> "BoundFeature":
        """Return another output of the same fold.

        Raises
        ------
        KeyError
            If the family has no such output.
        """
        if stem not in self.feature.public:
            raise KeyError(stem)
        return BoundFeature(self.feature, self.periods, stem)

    @property
    def inputs(self) -> "tuple[Input, ...]":
        """What the step reads, in order."""
        return self.feature.inputs(*self.periods)

    @property
    def sources(self) -> "tuple[Source, ...]":
        """Columns, each once, and features, each time, that the inputs come from, in order.

        Two inputs may be the same feature for some periods only; a loop serves all periods.
        """
        found: list[Source] = []
        for item in self.inputs:
            if isinstance(item, Own | OwnWindow):
                continue
            source = item.source if isinstance(item, Lag | Highest | Lowest | Window) else item
            if isinstance(source, BoundFeature) or source not in found:
                found.append(source)
        return tuple(found)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the bars that are read, directly or through other features."""
        found: set[str] = set()
        for source in self.sources:
            found |= {source} if isinstance(source, str) else set(source.columns)
        return tuple(column for column in COLUMNS if column in found)

    @property
    def is_optional(self) -> bool:
        """Whether it reads a column that a source may lack."""
        return not OPTIONAL_COLUMNS.isdisjoint(self.columns)

    @property
    def begins(self) -> int:
        """Bars before the first on which every input is known."""
        return max(
            (source.warm_up for source in self.sources if isinstance(source, BoundFeature)),
            default=0,
        )

    @property
    def warm_up(self) -> int:
        """Leading values that are NaN, counted from the first bar of the history."""
        own = self.feature.warm_up(*self.periods)
        if isinstance(own, tuple):
            own = own[self.feature.stems.index(self.stem)]
        return self.begins + own

    @property
    def settled(self) -> int:
        """Bars after which an earlier start changes the value by less than 1e-6; -1 if never."""
        found = [source.settled for source in self.sources if isinstance(source, BoundFeature)]
        feature = self.feature
        own = feature.settles(*self.periods) if feature.settles else self.warm_up - self.begins
        return -1 if own < 0 or -1 in found else own + max(found, default=0)

    def batch(self, *data: Bars | FloatArray) -> FloatArray:
        """Return the feature of a whole history.

        Parameters
        ----------
        *data : Bars, or float64 arrays of shape (n_bars,)
            Bars, or one array for each of ``columns``, oldest first.

        Returns
        -------
        values : float64, shape (n_bars,)
            ``values[i]`` reads bars ``0..i`` only. The first ``warm_up`` values are NaN.

        Examples
        --------
        >>> from assay.features.average import SMA
        >>> SMA(2).batch(np.array([1.0, 2.0, 4.0]))
        array([nan, 1.5, 3. ])
        """
        from assay.features.graph import Graph, columns_of

        graph = Graph((self,))
        if len(data) == 1 and isinstance(data[0], Bars):
            return graph.batch(columns_of(data[0], graph.columns))[0]
        return graph.batch(self._named(data))[0]

    def stream(self) -> "Stream":
        """Return the same fold, fed one bar at a time with ``update(*columns)``."""
        from assay.features.graph import Graph, Stream

        return Stream(Graph((self,)))

    def _named(self, data: tuple[Bars | FloatArray, ...]) -> Mapping[str, FloatArray]:
        if len(data) != len(self.columns):
            raise ConfigError(
                f"{self.name} must get {len(self.columns)} arrays; got {len(data)}.",
                remedy=f"Pass {', '.join(self.columns)}, or bars.",
            )
        return {
            column: np.asarray(array, dtype=np.float64)
            for column, array in zip(self.columns, data, strict=True)
        }


Source: TypeAlias = str | BoundFeature
"""A column of the bars, or another feature."""

Input: TypeAlias = str | BoundFeature | Lag | Highest | Lowest | Window | Own | OwnWindow
"""One thing a step may read."""


def forgets(*spans: int) -> int:
    """Return the bars after which an exponential average has forgotten its start to 1e-6.

    Parameters
    ----------
    *spans : int
        Weights decay by ``1 - 2 / (span + 1)`` a bar; averages of averages add up.
    """
    return sum(int(np.ceil(8.0 * (span + 1))) for span in spans)
