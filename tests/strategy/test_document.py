"""What the page about strategies shows is a strategy."""

import re
from pathlib import Path

import numpy as np
from strategy_worlds import tipped

from assay.strategy.agreement import check_agreement

PAGE = Path(__file__).resolve().parents[2] / "docs" / "strategy.md"


def test_the_strategy_of_the_page_runs_and_is_honest(load) -> None:
    (text,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    strategy = load(text, head="")
    bars = tipped(2_000)
    values = {column.name: column.compute(bars) for column in strategy.columns}

    check_agreement(strategy, {"XAUUSD": bars}, {"XAUUSD": values})
    assert list(values) == ["squeeze", "body_h4", "breakout"]
    for column in strategy.columns:
        assert np.isfinite(values[column.name][column.warm_up :]).all()
        assert column.meaning
