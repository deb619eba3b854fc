"""Arrays that are written once and mapped into every worker, in place of a copy for each."""

import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAPPED_BYTES_MIN = 1 << 20
"""Smaller arrays travel as they are."""


class ArrayFolder:
    """A folder of raw arrays, as long as a job lasts."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="assay-"))
        self._n_written = 0

    def packed(self, value: object) -> bytes:
        """Return *value* for workers, its large arrays as references to files here.

        Notes
        -----
        Workers map an array copy-on-write: what one of them writes into it stays its own. An
        array that the disk has no room for travels as it is.
        """
        from joblib.externals.loky.backend.reduction import dumps

        return bytes(dumps(value, reducers={np.ndarray: self._reduced}))

    def clear(self) -> None:
        """Drop the files; who has them mapped keeps them."""
        for path in self.path.iterdir():
            with suppress(PermissionError):  # Windows keeps a file that is mapped
                path.unlink()

    def remove(self) -> None:
        """Drop the folder."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _reduced(self, array: NDArray[Any]) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        order = "C" if array.flags.c_contiguous else "F"
        is_whole = array.flags.c_contiguous or array.flags.f_contiguous
        if array.nbytes < MAPPED_BYTES_MIN or array.dtype.hasobject or not is_whole:
            return array.__reduce_ex__(4)  # type: ignore[return-value]
        path = self.path / f"{self._n_written}.raw"
        self._n_written += 1
        try:
            array.ravel(order="K").tofile(path)
        except OSError:
            path.unlink(missing_ok=True)
            return array.__reduce_ex__(4)  # type: ignore[return-value]
        return mapped, (str(path), array.dtype, array.shape, order)


def mapped(path: str, dtype: np.dtype[Any], shape: tuple[int, ...], order: str) -> NDArray[Any]:
    """Return the array in the file *path*; writing into it changes this process only."""
    file = np.memmap(path, dtype=dtype, mode="c", shape=shape, order=order)  # type: ignore[call-overload]
    return np.asarray(file).view(np.ndarray)
