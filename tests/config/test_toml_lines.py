"""Lines of keys in TOML, for every shape that a table can have."""

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from assay.config.template import toml_value
from assay.config.toml_lines import key_lines

NAMES = st.text("abcxyz_", min_size=1, max_size=6)
VALUES = st.one_of(
    st.integers(-9, 9), st.booleans(), st.text("ab #=[]\"'\\", max_size=8), st.lists(st.integers())
)
TABLES = st.dictionaries(NAMES, st.dictionaries(NAMES, VALUES, min_size=1), min_size=1)

EVERY_SHAPE = '''# comment
top.a = 1
[run] # [not.this]
seed = 7
names = [
  "a", # ]
  "b",
]
text = """
[notatable]
x = 1
"""
[exits]
targets = [{at_r = 1.0, fraction = 0.5}]
[[more.tabs]]
a = 1
  [[more.tabs]]
  a = 2
["q.x".y]
d = {a = 1}
'''


def paths_of(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [path] if path else []
    if isinstance(value, dict):
        for key, inner in value.items():
            found += paths_of(inner, (*path, key))
    return found


def test_every_shape_of_key_has_its_line() -> None:
    lines = key_lines(EVERY_SHAPE)

    assert lines["top", "a"] == 2
    assert lines["run", "seed"] == 4
    assert lines["run", "names"] == 5
    assert lines["run", "text"] == 9
    assert lines["exits", "targets", 0, "fraction"] == 14
    assert lines["more", "tabs", 0, "a"] == 16
    assert lines["more", "tabs", 1, "a"] == 18
    assert lines["q.x", "y", "d", "a"] == 20
    assert ("notatable",) not in lines


@given(table=TABLES, blanks=st.integers(0, 3))
def test_every_key_has_the_line_it_was_written_on(
    table: dict[str, dict[str, Any]], blanks: int
) -> None:
    written: dict[tuple[str, ...], int] = {}
    text: list[str] = []
    for section, keys in table.items():
        text += [""] * blanks + [f"[{section}]"]
        written[(section,)] = len(text)
        for key, value in keys.items():
            text.append(f"{key} = {toml_value(value)}  # comment")
            written[section, key] = len(text)
    document = "\n".join(text)

    assert tomllib.loads(document) == table
    assert key_lines(document) == written
    assert set(paths_of(table)) == set(written)
