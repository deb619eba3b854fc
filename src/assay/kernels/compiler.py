"""The one place that chooses compiler flags, and where compiled code is cached."""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

P = ParamSpec("P")
R = TypeVar("R")


CACHE_FOLDERS_KEPT_MAX = 8


def _cache_folder() -> Path:
    """Return a cache folder keyed by a hash of every module that takes part in compilation.

    Numba does not see an edited callee in another module and would return old answers;
    a folder per state of the sources makes that impossible. A module takes part when its
    text mentions ``kernel``, so a constant that compiled code reads lives in such a module.
    """
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        content = path.read_bytes()
        if b"kernel" in content:
            digest.update(str(path.relative_to(root)).encode())
            digest.update(content)
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    base = Path(os.environ.get("ASSAY_CACHE_DIR") or caches / "assay")
    return base / "kernels" / digest.hexdigest()[:16]


def _drop_oldest(folders: Path) -> None:
    """Keep at most ``CACHE_FOLDERS_KEPT_MAX`` states of the sources on disk."""
    try:
        stale = sorted(folders.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    except OSError:
        return
    for path in stale[CACHE_FOLDERS_KEPT_MAX:]:
        shutil.rmtree(path, ignore_errors=True)


if "NUMBA_CACHE_DIR" not in os.environ:
    _folder = _cache_folder()
    os.environ["NUMBA_CACHE_DIR"] = str(_folder)
    _drop_oldest(_folder.parent)

# Intel's vector library, if a user has it, may round a vectorised logarithm otherwise than a
# single one; then history and stream would differ in the last bit.
os.environ.setdefault("NUMBA_DISABLE_INTEL_SVML", "1")

from numba import njit  # noqa: E402  (must see the cache folder chosen above)


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile *function* with the house settings.

    No ``fastmath``: it lets the compiler assume there are no NaNs, and our warm-up
    values are NaN. The plain Python form stays reachable as ``kernel.py_func``.
    """
    return cast("Callable[P, R]", njit(cache=True, nogil=True)(function))


def inlined_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile *function* into its callers: for a part of a loop that takes arrays.

    Compiled code counts references to each array that it hands to a callee; a callee that is
    inlined costs nothing. Use it where a measurement asks for it: the code grows.
    """
    compiled = njit(cache=True, nogil=True, forceinline=True)(function)
    return cast("Callable[P, R]", compiled)
