"""Tree ensembles as flat arrays: the form in which every tree model is stored and asked."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.domain.errors import ModelError
from assay.kernels.compiler import FloatArray, IntArray
from assay.models.inputs import Float32Array

Int32Array = NDArray[np.int32]
LEAF = -1


@dataclass(frozen=True, slots=True, eq=False)
class Trees:
    """A sum of decision trees, optionally through a logistic link.

    Attributes
    ----------
    feature : int32, shape (n_nodes,)
        Column that a node compares; ``-1`` marks a leaf.
    threshold : float32, shape (n_nodes,)
        A node goes left where ``x <= threshold`` (``x < threshold`` if *strict*).
    left : int32, shape (n_nodes,)
        Index of the left child; the right child is the next one. A child always stands
        behind its parent, so a walk ends. 0 for a leaf.
    value : float32, shape (n_nodes,)
        What a leaf adds to the sum. 0 for an inner node.
    roots : int64, shape (n_trees,)
        First node of each tree; its nodes stand together.
    n_features : int
    strict : bool
        Whether equality goes right, as in XGBoost.
    logistic : bool
        Whether the sum is a log-odds (boosting) or the answer itself (forests, quantiles).
    base : float
        What the sum starts from; a float32 value.
    """

    feature: Int32Array
    threshold: Float32Array
    left: Int32Array
    value: Float32Array
    roots: IntArray
    n_features: int
    strict: bool
    logistic: bool
    base: float

    def check(self) -> None:
        """Raise unless every walk stays inside the arrays and ends.

        Raises
        ------
        ModelError
            If an index points outside its tree, backwards, or at no feature.
        """
        n_nodes = self.feature.shape[0]
        inner = self.feature >= 0
        index = np.arange(n_nodes)
        starts = self.roots
        if not (
            starts.size > 0
            and starts[0] == 0
            and (np.diff(starts) > 0).all()
            and starts[-1] < n_nodes
        ):
            raise _broken("the roots of its trees are not in rising order")
        ends = np.append(starts[1:], n_nodes)
        end_of_tree = np.repeat(ends, np.diff(np.append(starts, n_nodes)))
        left = self.left[inner]
        if (left <= index[inner]).any() or (left + 1 >= end_of_tree[inner]).any():
            raise _broken("a child lies outside its tree")
        if (self.feature >= self.n_features).any() or (self.feature < LEAF).any():
            raise _broken(f"a node reads a feature beyond its {self.n_features}")
        if not (np.isfinite(self.threshold).all() and np.isfinite(self.value).all()):
            raise _broken("a threshold or leaf is not finite")
        if not np.isfinite(self.base):
            raise _broken("its base value is not finite")


def _broken(why: str) -> ModelError:
    return ModelError(
        f"A tree model must describe finite trees; {why}.",
        remedy="Restore the artifact from the registry, or train again.",
    )


def round_down(threshold: FloatArray) -> Float32Array:
    """Return the largest float32 at or below each threshold.

    For a float32 feature, ``x <= threshold`` and ``x <= round_down(threshold)`` are the
    same decision; rounding to nearest would send ties the other way.

    Examples
    --------
    >>> bool(round_down(np.array([0.1]))[0] <= 0.1)
    True
    """
    limit = float(np.finfo(np.float32).max)
    narrow = np.clip(threshold, -limit, limit).astype(np.float32)
    above = narrow.astype(np.float64) > threshold
    return np.where(above, np.nextafter(narrow, np.float32(-np.inf)), narrow).astype(np.float32)


def flatten(
    *,
    left: IntArray,
    right: IntArray,
    feature: IntArray,
    threshold: FloatArray,
    value: FloatArray,
    roots: IntArray,
    n_features: int,
    strict: bool,
    logistic: bool,
    base: float,
) -> Trees:
    """Lay out trees so that siblings are neighbours and children stand behind parents.

    Parameters
    ----------
    left, right : int64, shape (n_nodes,)
        Children of each node in any order; ``left < 0`` marks a leaf.
    feature, threshold, value : shape (n_nodes,)
        See `Trees`. Thresholds are rounded down, or, where *strict*, must be float32 already.
    roots : int64, shape (n_trees,)
        Root of each tree.

    Returns
    -------
    Trees
        Each tree in breadth-first order.
    """
    frontier = roots
    tree = np.arange(roots.shape[0])
    order, owner = [frontier], [tree]
    while True:
        splits = left[frontier] >= 0
        if not splits.any():
            break
        parents, tree = frontier[splits], np.repeat(tree[splits], 2)
        frontier = np.column_stack((left[parents], right[parents])).ravel()
        order.append(frontier)
        owner.append(tree)
    by_level, tree_of = np.concatenate(order), np.concatenate(owner)
    by_tree = np.argsort(tree_of, kind="stable")
    source = by_level[by_tree]
    place = np.zeros(left.shape[0], dtype=np.int64)
    place[source] = np.arange(source.shape[0])
    leaf = left[source] < 0
    narrow = threshold.astype(np.float32) if strict else round_down(threshold)
    return Trees(
        feature=np.where(leaf, LEAF, feature[source]).astype(np.int32),
        threshold=np.where(leaf, np.float32(0), narrow[source]).astype(np.float32),
        left=np.where(leaf, 0, place[left[source]]).astype(np.int32),
        value=np.where(leaf, value[source], 0.0).astype(np.float32),
        roots=np.searchsorted(tree_of[by_tree], np.arange(roots.shape[0])).astype(np.int64),
        n_features=n_features,
        strict=strict,
        logistic=logistic,
        base=float(np.float32(base)),
    )
