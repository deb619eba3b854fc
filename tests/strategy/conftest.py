"""Strategies written into a folder of their own, and the modules beside these tests."""

import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))

from assay.strategy import Strategy, load_strategy

HEAD = """\
import numpy as np
from assay.strategy import Bars, feature, higher, signal
"""

Write = Callable[..., Path]
Load = Callable[..., Strategy]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str, *, head: str = HEAD) -> Path:
        path = tmp_path / "strategy.py"
        path.write_text(head + dedent(text), encoding="utf-8")
        return path

    return written


@pytest.fixture
def load(write: Write) -> Load:
    def loaded(text: str, *, head: str = HEAD) -> Strategy:
        return load_strategy(write(text, head=head))

    return loaded
