"""Drawing primitives: SVG text built by hand, escaped, styled by the page's own classes."""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
from markupsafe import Markup, escape

from assay.kernels.compiler import FloatArray, IntArray


def number(value: float) -> str:
    """Return a coordinate with at most two decimals."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """Return a straight line of class *kind*."""
    return (
        f'<line class="{kind}" x1="{number(x1)}" y1="{number(y1)}" '
        f'x2="{number(x2)}" y2="{number(y2)}"/>'
    )


def text(x: float, y: float, words: str, kind: str = "tick", anchor: str = "middle") -> str:
    """Return escaped *words* at a place; *anchor* is start, middle or end."""
    return (
        f'<text class="{kind}" x="{number(x)}" y="{number(y)}" text-anchor="{anchor}">'
        f"{escape(words)}</text>"
    )


def rectangle(x: float, y: float, width: float, height: float, kind: str, title: str = "") -> str:
    """Return a filled rectangle of class *kind*, with a tooltip if *title* is given."""
    shape = (
        f'<rect class="{kind}" x="{number(x)}" y="{number(y)}" '
        f'width="{number(max(width, 0.0))}" height="{number(max(height, 0.0))}"'
    )
    return f"{shape}><title>{escape(title)}</title></rect>" if title else f"{shape}/>"


def circle(x: float, y: float, radius: float, kind: str, title: str = "") -> str:
    """Return a dot of class *kind*, with a tooltip if *title* is given."""
    shape = f'<circle class="{kind}" cx="{number(x)}" cy="{number(y)}" r="{number(radius)}"'
    return f"{shape}><title>{escape(title)}</title></circle>" if title else f"{shape}/>"


def polyline(x: FloatArray, y: FloatArray, kind: str, *, close_at: float | None = None) -> str:
    """Return a path through the points; down to *close_at* and filled if that is given."""
    if not len(x):
        return ""
    points = "L".join(f"{number(a)} {number(b)}" for a, b in zip(x, y, strict=True))
    path = f"M{points}"
    if close_at is not None:
        path = f"M{number(x[0])} {number(close_at)}L{points}L{number(x[-1])} {number(close_at)}Z"
    return f'<path class="{kind}" d="{path}"/>'


def figure(width: float, height: float, parts: Iterable[str], label: str) -> Markup:
    """Return an SVG picture that scales with the page; *label* is read to the blind."""
    head = f'viewBox="0 0 {number(width)} {number(height)}" role="img"'
    body = "".join(parts)
    return Markup(  # noqa: S704 - every word inside was escaped by the primitives above
        f'<svg {head} aria-label="{escape(label)}">{body}</svg>'
    )


def inline(width: float, parts: Iterable[str]) -> Markup:
    """Return a picture 12 units high for a table cell, which repeats a number beside it."""
    head = f'class="spark" viewBox="0 0 {number(width)} 12" width="{number(width)}" height="12"'
    body = "".join(parts)
    return Markup(f'<svg {head} aria-hidden="true">{body}</svg>')  # noqa: S704 - as above


def thinned(values: FloatArray, n_max: int) -> IntArray:
    """Return the indices of at most *n_max* values that keep every peak and trough visible.

    Each stretch contributes its lowest and its highest value; the ends are kept.
    """
    n = len(values)
    if n <= n_max:
        return np.arange(n, dtype=np.int64)
    edges = np.linspace(0, n, max(n_max // 2, 1) + 1).astype(np.int64)
    kept = {0, n - 1}
    for start, stop in pairwise(edges):
        part = values[start:stop]
        kept.add(int(start + np.argmin(part)))
        kept.add(int(start + np.argmax(part)))
    return np.array(sorted(kept), dtype=np.int64)
