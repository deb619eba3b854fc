"""Templates with the words of numbers, for the pages beside the report."""

import math
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from assay.research import wording
from assay.research.report.scale import day_text
from assay.research.verdict.judge import Outcome

VERDICT_PAGE_FILE = "verdict.html"
SEARCH_PAGE_FILE = "optimisation.html"
LABELS = {
    Outcome.EDGE: "Edge",
    Outcome.NO_EDGE: "No edge",
    Outcome.NOT_ENOUGH_DATA: "Not enough data",
    Outcome.NOT_EVIDENCE: "Not evidence",
}


def tone_of(outcome: Outcome) -> str:
    """Return the class that colours *outcome* on a page.

    Examples
    --------
    >>> tone_of(Outcome.NOT_ENOUGH_DATA)
    'not-enough-data'
    """
    return outcome.name.lower().replace("_", "-")


def marked(words: str) -> Markup:
    """Return *words* for a page, what stands between backticks as code.

    Examples
    --------
    >>> str(marked("`assay leaks` shows <all>"))
    '<code>assay leaks</code> shows &lt;all&gt;'
    """
    parts = [str(escape(part)) for part in words.split("`")]
    if len(parts) % 2 == 0:
        return escape(words)
    shown = [f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts)]
    return Markup("".join(shown))  # noqa: S704 - every part was escaped above


@cache
def environment() -> Environment:
    """Return the templates of the package; what is not defined is an error, words are escaped."""
    made = Environment(
        loader=PackageLoader("assay.research.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for word in ("count", "ratio", "percent", "money", "probability"):
        made.filters[word] = getattr(wording, word)
    made.filters["day"] = day_text
    made.filters["marked"] = marked
    made.globals.update(isnan=math.isnan)
    return made
