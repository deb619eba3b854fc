"""The implementations of the execution page that the tests hold against each other."""

from collections.abc import Callable

from reference_markets import Market
from reference_words import Outcome

Run = Callable[[Market], Outcome]

RUNS: dict[str, Run] = {"reference": Market.outcome}
