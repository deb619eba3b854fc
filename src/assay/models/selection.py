"""Feature selection: four methods inside each fold, and how stable their choices are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.kernels.compiler import BoolArray, FloatArray, IntArray
from assay.models.boosting import LIGHTGBM_PARAMETERS, flatten_lightgbm
from assay.models.dense import standardise, standardiser
from assay.models.estimator import Folds
from assay.models.inputs import Float32Array, LabelArray
from assay.models.permutation import permutation_losses

METHODS = ("mutual_information", "l1_path", "gain", "permutation")
N_BINS = 12
N_TREES = 40
TWIN_CORRELATION = 0.9999


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """Which features were kept, and why.

    Attributes
    ----------
    columns : int64, shape (n_selected,)
        Kept columns, rising.
    importance : float64, shape (n_features,)
        Mean over folds and methods of the rank share: 1 the best, 0 the last or unused.
    stability : float64, shape (n_features,)
        Share of folds and methods in which the feature was among the first *features_max*.
    by_method : dict of str to float64, shape (n_features,)
        Mean score of each method over the folds, in the method's own unit.
    agreement : float
        Stability of the chosen sets over the folds, at most 1; 0 is what chance gives.
    """

    columns: IntArray
    importance: FloatArray
    stability: FloatArray
    by_method: dict[str, FloatArray]
    agreement: float


def mutual_information(u: FloatArray, y: LabelArray, weight: FloatArray) -> FloatArray:
    """Return the information that each column, in equal-mass bins, has about the label.

    Parameters
    ----------
    u : float64, shape (n_rows, n_features)
    y : int8, shape (n_rows,)
    weight : float64, shape (n_rows,)

    Returns
    -------
    information : float64, shape (n_features,)
        Unit: nats, at least 0. Noise has about ``(bins - 1) / (2 effective rows)``.
    """
    share = weight / weight.sum()
    rate = float(share @ y)
    information = np.zeros(u.shape[1])
    for j in range(u.shape[1]):
        edges = np.unique(np.quantile(u[:, j], np.linspace(0.0, 1.0, N_BINS + 1)[1:-1]))
        bins = np.searchsorted(edges, u[:, j], side="right")
        mass = np.bincount(bins, share, minlength=edges.size + 1)
        up = np.bincount(bins, share * y, minlength=edges.size + 1)
        for joint, marginal in ((up, rate), (mass - up, 1.0 - rate)):
            seen = joint > 0.0
            ratio = joint[seen] / (mass[seen] * marginal)
            information[j] += float(joint[seen] @ np.log(ratio))
    return np.maximum(information, 0.0)


def l1_path(u: FloatArray, y: LabelArray, weight: FloatArray) -> FloatArray:
    """Return the largest L1 penalty at which each column still has a coefficient.

    Notes
    -----
    The path of the quadratic approximation of the log loss at the null model, which for
    probabilities near one half is the log loss but for terms of third order. Solved on the
    Gram matrix by least angles, so rows cost once.

    References
    ----------
    Efron, B. et al. (2004). Least Angle Regression. *Annals of Statistics* 32(2), 407-499.
    """
    from sklearn.linear_model import lars_path_gram

    share = weight / weight.sum()
    centred = u - share @ u
    target = y - float(share @ y)
    gram = (centred * share[:, None]).T @ centred
    gram[np.diag_indices_from(gram)] += 1e-6
    penalties, _, path = lars_path_gram(
        centred.T @ (share * target), gram, n_samples=1, method="lasso", max_iter=4 * u.shape[1]
    )
    alive = path != 0.0
    return np.asarray((alive * penalties).max(axis=1), dtype=np.float64)


def tree_scores(
    x: Float32Array,
    y: LabelArray,
    weight: FloatArray,
    train: IntArray,
    test: IntArray,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:
    """Return boosting gain on *train*, and the log loss that shuffling costs on *test*.

    Returns
    -------
    gain, permutation : float64, shape (n_features,)
        Both at least 0; a shuffle that helps counts as 0.
    """
    import lightgbm

    parameters = LIGHTGBM_PARAMETERS | {
        "min_data_in_leaf": max(10, train.size // 50),
        "lambda_l2": 0.01 * train.size,
        "seed": int(rng.integers(2**31)),
    }
    mean = float(weight[train].mean())
    data = lightgbm.Dataset(
        x[train], label=y[train], weight=weight[train] / mean, params=parameters
    )
    booster = lightgbm.train(parameters, data, num_boost_round=N_TREES)
    gain = np.asarray(booster.feature_importance("gain"), dtype=np.float64)
    trees = flatten_lightgbm(booster, x.shape[1], logistic=True)
    rows = np.ascontiguousarray(x[test])
    return gain, permutation_losses(trees, rows, y[test], weight[test], rng)


def agreement(chosen: Sequence[IntArray], n_features: int) -> float:
    """Return the stability of feature sets: 1 if all are equal, about 0 if random.

    References
    ----------
    Nogueira, S., Sechidis, K., Brown, G. (2018). On the Stability of Feature Selection
    Algorithms. *JMLR* 18(174), 1-54, eq. 4.

    Examples
    --------
    >>> agreement([np.array([0, 1]), np.array([0, 1])], 4)
    1.0
    """
    n_sets = len(chosen)
    z = np.zeros((n_sets, n_features))
    for i, columns in enumerate(chosen):
        z[i, columns] = 1.0
    mean_size = float(z.sum(axis=1).mean())
    chance = mean_size / n_features * (1.0 - mean_size / n_features)
    if n_sets < 2 or chance == 0.0:
        return 1.0
    frequency = z.mean(axis=0)
    spread = n_sets / (n_sets - 1) * frequency * (1.0 - frequency)
    return float(1.0 - spread.mean() / chance)


def rank_share(score: FloatArray) -> FloatArray:
    """Return 1 for the best column down to 0; columns without a score get 0."""
    used = score > 0.0
    order = np.argsort(np.argsort(score, kind="stable"), kind="stable")
    return np.where(used, (order + 1.0) / score.shape[0], 0.0)


def twins(u: FloatArray, importance: FloatArray) -> BoolArray:
    """Return a mask of columns that are constant or repeat a more important one."""
    spread = u.std(axis=0)
    drop: BoolArray = spread < 1e-12
    unit = (u - u.mean(axis=0)) / np.where(drop, 1.0, spread)
    alike = np.abs(unit.T @ unit / u.shape[0]) > TWIN_CORRELATION
    order = np.argsort(-importance, kind="stable")
    for place, j in enumerate(order):
        if not drop[j]:
            behind = order[place + 1 :]
            drop[behind[alike[j, behind]]] = True
    return drop


def select_features(
    x: Float32Array,
    y: LabelArray,
    weight: FloatArray,
    folds: Folds,
    features_max: int,
    rng: np.random.Generator,
) -> Selection:
    """Rank the columns by every method in every fold, and keep the best on average.

    Parameters
    ----------
    x : float32, shape (n_rows, n_features)
    y : int8, shape (n_rows,)
    weight : float64, shape (n_rows,)
    folds : sequence of (train, test)
        Purged. Rows outside every fold (the calibration rows) are not read: selecting on
        them would make the calibration too hopeful.
    features_max : int
        At least 1.
    rng : numpy.random.Generator

    Returns
    -------
    Selection
    """
    n_features = x.shape[1]
    scores = np.zeros((len(folds), len(METHODS), n_features))
    for i_fold, (train, test) in enumerate(folds):
        u = standardise(x[train], *standardiser(x[train], weight[train]))
        scores[i_fold, 0] = mutual_information(u, y[train], weight[train])
        scores[i_fold, 1] = l1_path(u, y[train], weight[train])
        scores[i_fold, 2:] = tree_scores(x, y, weight, train, test, rng)
    ranks = np.apply_along_axis(rank_share, 2, scores)
    importance = ranks.mean(axis=(0, 1))
    rows = np.unique(np.concatenate([train for train, _ in folds]))
    dropped = twins(x[rows].astype(np.float64), importance)
    usable = np.flatnonzero(~dropped) if not dropped.all() else np.arange(1)
    size = min(features_max, usable.size)
    best = usable[np.argsort(-importance[usable], kind="stable")[:size]]
    first = np.argsort(-ranks, axis=2, kind="stable")[:, :, :size]
    hits = np.zeros(ranks.shape)
    np.put_along_axis(hits, first, 1.0, axis=2)
    per_fold = [np.argsort(-ranks[i].mean(axis=0), kind="stable")[:size] for i in range(len(folds))]
    return Selection(
        columns=np.sort(best).astype(np.int64),
        importance=importance,
        stability=hits.mean(axis=(0, 1)),
        by_method={name: scores[:, i].mean(axis=0) for i, name in enumerate(METHODS)},
        agreement=agreement(per_fold, n_features),
    )
