"""What the pages of runs and of comparisons share: templates, words, settings in few characters."""

import json
import math
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from assay.research import wording

VALUE_CHARACTERS_MAX = 60


@cache
def environment() -> Environment:
    """Return the templates, escaping everything, with the words of the house as filters."""
    made = Environment(
        loader=PackageLoader("assay.research.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for word in ("count", "ratio", "percent", "money", "probability"):
        made.filters[word] = getattr(wording, word)
    made.filters["compact"] = setting_text
    made.filters["chance"] = chance
    made.globals.update(isnan=math.isnan)
    return made


def chance(value: float) -> str:
    """Return a p-value: three decimals, and none smaller than was resampled for.

    Examples
    --------
    >>> chance(0.0314), chance(0.0004), chance(1.0)
    ('0.031', '< 0.001', '1.000')
    """
    if math.isnan(value):
        return wording.DASH
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def setting_text(value: object) -> str:
    """Return a setting's value in few characters.

    Examples
    --------
    >>> setting_text(["H4", "D1"]), setting_text(6.0), setting_text("hybrid")
    ('H4,D1', '6', 'hybrid')
    """
    if isinstance(value, list) and not any(isinstance(item, list | dict) for item in value):
        text = ",".join(setting_text(item) for item in value) or "[]"
    elif isinstance(value, float):
        text = f"{value:g}"
    elif isinstance(value, str):
        text = value or "''"
    else:
        text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= VALUE_CHARACTERS_MAX else f"{text[: VALUE_CHARACTERS_MAX - 1]}…"


def visible(text: str) -> str:
    """Return *text* for a terminal: what would not show, or steer it, becomes ``�``.

    Examples
    --------
    >>> visible("gold" + chr(27) + "[2J")
    'gold�[2J'
    """
    return "".join(letter if letter.isprintable() else "�" for letter in text)
