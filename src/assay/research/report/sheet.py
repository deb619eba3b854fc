"""A page of sections, each with charts and a table: what data pages are made of."""

from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One part of a page.

    Attributes
    ----------
    title, lead : str
    charts : tuple of Markup
    columns : tuple of str
        Heads of the table.
    rows : tuple of tuple of str or Markup
    numeric : frozenset of int
        Columns of numbers, set right.
    kind : str
        Class of the table.
    notes : tuple of str
    code : str
        Lines to be copied.
    """

    title: str
    lead: str = ""
    charts: tuple[Markup, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str | Markup, ...], ...] = ()
    numeric: frozenset[int] = frozenset()
    kind: str = ""
    notes: tuple[str, ...] = ()
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetVerdict:
    """The answer at the head of a page; *tone* is edge, no-edge or not-enough-data."""

    tone: str
    label: str
    headline: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A page.

    Attributes
    ----------
    title, sub : str
    tiles : tuple of (name, value, range)
    sections : tuple of Section
    verdict : SheetVerdict or None
    footer : tuple of str
    """

    title: str
    sub: str
    sections: tuple[Section, ...]
    tiles: tuple[tuple[str, str, str], ...] = ()
    verdict: SheetVerdict | None = None
    footer: tuple[str, ...] = ()


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("assay.research.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def sheet_text(sheet: Sheet) -> str:
    """Return the page: no script, no request, the same bytes for the same content."""
    return _environment().get_template("sheet.html").render(sheet=sheet) + "\n"
