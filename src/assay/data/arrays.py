"""The array types of market data, from their one home."""

from assay.kernels.compiler import BoolArray, FloatArray, IntArray

__all__ = ["BoolArray", "FloatArray", "IntArray"]
