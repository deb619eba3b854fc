"""What a model was trained on: a hash of the names and of the definitions behind them."""

import hashlib
from collections.abc import Sequence

DEFINITION_VERSION = 1
"""Raise by one whenever a change of code changes the value of a feature."""


def schema_hash(names: Sequence[str]) -> str:
    """Return the hash of an ordered list of features.

    Parameters
    ----------
    names : sequence of str
        In column order; the order matters to a model, so it matters to the hash.

    Returns
    -------
    schema_hash : str
        64 hexadecimal digits (SHA-256).

    Examples
    --------
    >>> schema_hash(["rsi_14"]) == schema_hash(["rsi_14@H4"])
    False
    """
    digest = hashlib.sha256(f"assay features {DEFINITION_VERSION}".encode())
    for name in names:
        digest.update(b"\n" + name.encode())
    return digest.hexdigest()
