"""Every statistic of the research bench beside its published example and its reference library.

    python bench/published_examples.py [--json] [--topic WORD]

Published digits must agree to half a unit of the last one, libraries to 1e-9, simulations to
their range. Exits 1 if anything does not hold. `pip install arch dieboldmariano` brings the
libraries, without which their rows are left open.
"""

import argparse
import json
import math
import sys
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests" / "research")]
"""Beside this program its topics, beside the tests the literal forms of the procedures."""

from published.table import TOPICS, Row  # noqa: E402  (from a folder added above)


def mark(row: Row) -> str:
    """Say in a word whether a row holds."""
    if math.isnan(row.found) and row.expected == "not installed":
        return "open"
    return "holds" if row.holds else "FAILS"


def show(title: str, rows: list[Row]) -> None:
    """Print one topic."""
    print(f"\n{title}")
    for row in rows:
        print(
            f"  {row.name:<48.48} {row.source:<46.46} {row.expected:>16} "
            f"{row.found:>16.10g} {row.difference:>10.1e}  {mark(row)}",
            flush=True,
        )


def main() -> None:
    """Print the table, or write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--topic", default="", help="only topics whose title has this word")
    arguments = parser.parse_args()
    for module in sorted((HERE / "published").glob("*.py")):
        import_module(f"published.{module.stem}")
    told, marks = [], []
    for title, topic in TOPICS.items():
        if arguments.topic.lower() not in title.lower():
            continue
        rows = list(topic())
        marks += [mark(row) for row in rows]
        if not arguments.json:
            show(title, rows)
        told += [
            {
                "topic": title,
                "name": row.name,
                "source": row.source,
                "expected": row.expected,
                "found": None if math.isnan(row.found) else row.found,
                "difference": None if math.isnan(row.found) else row.difference,
                "result": mark(row),
            }
            for row in rows
        ]
    if arguments.json:
        json.dump(told, sys.stdout, indent=1)
        print()
    else:
        counts = {word: marks.count(word) for word in ("holds", "FAILS", "open")}
        print("\n" + ", ".join(f"{count} {word}" for word, count in counts.items()))
    sys.exit(1 if "FAILS" in marks else 0)


if __name__ == "__main__":
    main()
