"""The algorithms by name."""

from collections.abc import Mapping
from difflib import get_close_matches

from assay.config.section import ALGORITHMS
from assay.domain.errors import ConfigError
from assay.models.boosting import LightGBM, XGBoost
from assay.models.estimator import Estimator
from assay.models.forest import ExtraTrees, RandomForest
from assay.models.logistic import Logistic
from assay.models.mlp import MLP

KINDS: Mapping[str, type[Estimator]] = {
    kind.name: kind for kind in (LightGBM, XGBoost, RandomForest, ExtraTrees, Logistic, MLP)
}


def make(name: str, seed: int, choices: Mapping[str, float] | None = None) -> Estimator:
    """Return an untrained estimator.

    Parameters
    ----------
    name : str
        One of `ALGORITHMS`.
    seed : int
    choices : mapping of str to float, optional
        What `Estimator.tune` returned.

    Raises
    ------
    ConfigError
        If there is no such algorithm; it names the nearest.
    """
    if name not in KINDS:
        guess = get_close_matches(name, ALGORITHMS, n=1)
        raise ConfigError(
            f"training.algorithms must be among {', '.join(ALGORITHMS)}; was {name!r}.",
            remedy=f"Use {guess[0]!r}." if guess else "Correct the spelling.",
        )
    return KINDS[name](seed, choices)
