"""A search inside the walk before the prover: no bar after its span changes what it finds."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from search_examples import QUICK, history, with_search

from assay.domain.progress import SilentProgress
from assay.domain.time import NS_PER_HOUR
from assay.research.leaks.fits import prove_fits
from assay.research.leaks.scene import Scene
from assay.research.leaks.stages import FitStage
from assay.research.oos import folds_of
from assay.research.preparation import market_from, prepare
from assay.research.search import nested
from assay.research.search.nested import nested_search
from assay.research.search.span import SearchSpan
from assay.research.trials.ledger import TrialLedger
from assay.research.variants import Variants

SETTINGS = with_search(
    QUICK.model_copy(
        update={"quality": QUICK.quality.model_copy(update={"accept": "the prover changes prices"})}
    ),
    trials=3,
    batch=3,
)


@pytest.fixture(scope="module")
def at() -> Scene:
    whole = history()
    kept = {symbol: item.between(0, 6_000) for symbol, item in whole.bars.items()}
    return Scene(history=replace(whole, bars=kept), settings=SETTINGS)


def search_stage(at: Scene, folder: Path) -> FitStage:
    """Return the first search of the walk, and all it found out about its configurations."""
    fold = folds_of(at.dataset, SETTINGS)[0]
    until_ns = int(at.dataset.start_ns[fold.test_start])
    serial = count()

    def fit(scene: Scene) -> Mapping[str, Any]:
        place = folder / str(next(serial))
        place.mkdir()
        search = nested_search(
            SETTINGS, scene.history, None, folder=place,
            ledger=TrialLedger(place / "ledger.jsonl"), at_ns=1,
        )  # fmt: skip
        prepared = prepare(SETTINGS, scene.history)
        variants = Variants(
            base=prepared.dataset, settings=SETTINGS, instruments=scene.history.instruments
        )
        market = market_from(0, prepared, SETTINGS, scene.history)
        search.choose(variants, market, [fold], SilentProgress())
        (found,) = search.found
        return {
            "objectives": np.array([outcome.objective for outcome in found.outcomes]),
            "daily": np.concatenate([outcome.daily.ravel() for outcome in found.outcomes]),
            "chosen": np.frombuffer(found.settings.model_dump_json().encode(), np.uint8),
        }

    return FitStage(name="search", fit=fit, until_ns=until_ns - 1, checks=("shift",))


def test_a_search_knows_nothing_after_its_span(at: Scene, tmp_path: Path) -> None:
    report = prove_fits([search_stage(at, tmp_path)], at)

    assert [str(leak) for leak in report.leaks] == []
    assert report.is_clean, report.reason


def test_a_search_that_looks_beyond_its_span_is_named(
    at: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = search_stage(at, tmp_path)

    def beyond(**told: Any) -> SearchSpan:
        """Reach three hundred rows into the test, and believe their labels."""
        until_ns = told["until_ns"] + 600 * NS_PER_HOUR
        return SearchSpan(**{**told, "stop": told["stop"] + 300, "until_ns": until_ns})

    monkeypatch.setattr(nested, "SearchSpan", beyond)
    report = prove_fits([stage], at)

    assert ("search", "daily", "shift") in {
        (leak.stage, leak.column, leak.check) for leak in report.leaks
    }
