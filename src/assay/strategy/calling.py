"""The one place that calls a user's function, and says where it failed."""

import sys
from contextlib import redirect_stdout
from dataclasses import fields, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.data.bars import Bars
from assay.domain.errors import AssayError

if TYPE_CHECKING:
    from assay.strategy.column import Column

COLUMNS = tuple(field.name for field in fields(Bars))
TEXT_CHARACTERS_MAX = 300


def call(column: "Column", bars: Bars) -> Any:
    """Return what the user's function makes of *bars*, which it cannot change.

    What it prints goes to stderr, so that the output of a command stays what it says. A division
    by zero warns nobody: what it gives is not finite, hence unknown.

    Raises
    ------
    StrategyError
        If the function raises; file, line and exception are named.
    """
    try:
        with redirect_stdout(sys.stderr), np.errstate(all="ignore"):
            return column.function(_locked(bars))
    except (Exception, SystemExit) as error:
        raise column.fault(
            f"must run without an error; raised {told(error)}.",
            remedy=remedy_for(error),
            line=line_of(error, str(column.path)) or column.line,
            exception=type(error).__name__,
        ) from error


def told(error: BaseException) -> str:
    """Return an exception as one short line."""
    text = " ".join(f"{getattr(error, 'message', error)}".split())[:TEXT_CHARACTERS_MAX].rstrip(".")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def line_of(error: BaseException, file: str) -> int | None:
    """Return the last line of *file* that the exception passed, or None if it did not."""
    found, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            found = trace.tb_lineno
        trace = trace.tb_next
    return found


def remedy_for(error: BaseException) -> str:
    """Return what to do about an exception of the user's own code."""
    if isinstance(error, AssayError):
        return error.remedy
    if isinstance(error, AttributeError) and isinstance(error.obj, Bars):
        nearest = get_close_matches(error.name or "", COLUMNS, n=1)
        guess = f"Use bars.{nearest[0]}. " if nearest else ""
        return f"{guess}Bars have {', '.join(COLUMNS)}."
    if isinstance(error, ValueError) and "read-only" in f"{error}":
        return "Copy a column before you change it: bars.close.copy()."
    return "Correct that line; --debug shows the whole traceback."


def _locked(bars: Bars) -> Bars:
    """Return the same bars as views that refuse writing."""
    views: dict[str, Any] = {}
    for name in COLUMNS:
        column = getattr(bars, name)
        if isinstance(column, np.ndarray):
            views[name] = column.view()
            views[name].flags.writeable = False
    return replace(bars, **views)
