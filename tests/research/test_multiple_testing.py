"""Corrections for many tests: published examples, two libraries, and the order between them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from assay.domain.errors import DataError
from assay.research.statistics.multiple_testing import Correction, adjust

# Benjamini and Hochberg (1995), section 4.1: 15 comparisons of a trial of two treatments.
TRIAL = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459]
TRIAL += [0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000]

P_VALUES = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("correction", "found"),
    [
        (Correction.BONFERRONI, 3),
        (Correction.HOLM, 3),
        (Correction.HOCHBERG, 3),
        (Correction.BENJAMINI_HOCHBERG, 4),
    ],
)
def test_the_example_of_benjamini_and_hochberg(correction: Correction, found: int) -> None:
    assert np.sum(adjust(TRIAL, correction) <= 0.05) == found


@pytest.mark.parametrize(
    ("p", "correction", "expected"),
    [
        # The manual of padjust in stdlib, after p.adjust of R.
        ([0.319, 0.201, 0.4, 0.374, 0.113], Correction.HOLM, [0.957, 0.804, 0.957, 0.957, 0.565]),
        ([0.319, 0.201, 0.4, 0.374, 0.113], Correction.BENJAMINI_HOCHBERG, [0.4] * 5),
        (
            [0.008, 0.03, 0.123, 0.6, 0.2],
            Correction.BENJAMINI_HOCHBERG,
            [0.04, 0.075, 0.205, 0.6, 0.25],
        ),
        ([0.1496, 0.0275], Correction.BONFERRONI, [0.2992, 0.055]),
        ([0.01, 0.02, 0.03], Correction.HOCHBERG, [0.03, 0.03, 0.03]),
    ],
)
def test_worked_examples(p: list[float], correction: Correction, expected: list[float]) -> None:
    assert adjust(p, correction) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("correction", "name"),
    [
        (Correction.BONFERRONI, "bonferroni"),
        (Correction.SIDAK, "sidak"),
        (Correction.HOLM, "holm"),
        (Correction.HOCHBERG, "simes-hochberg"),
        (Correction.BENJAMINI_HOCHBERG, "fdr_bh"),
        (Correction.BENJAMINI_YEKUTIELI, "fdr_by"),
    ],
)
@pytest.mark.parametrize("seed", range(5))
def test_statsmodels_agrees(correction: Correction, name: str, seed: int) -> None:
    library = pytest.importorskip("statsmodels.stats.multitest")
    rng = np.random.default_rng(seed)
    p = rng.uniform(size=25) ** 2
    p[rng.integers(25, size=6)] = p[0]  # ties
    np.testing.assert_allclose(
        adjust(p, correction), library.multipletests(p, method=name)[1], atol=1e-12
    )


@settings(deadline=None)
@given(p=P_VALUES)
def test_scipy_agrees_on_false_discoveries(p: list[float]) -> None:
    for correction, name in (
        (Correction.BENJAMINI_HOCHBERG, "bh"),
        (Correction.BENJAMINI_YEKUTIELI, "by"),
    ):
        np.testing.assert_allclose(
            adjust(p, correction), false_discovery_control(p, method=name), atol=1e-12
        )


@settings(deadline=None)
@given(p=P_VALUES, seed=st.integers(0, 999))
def test_laws_of_adjusting(p: list[float], seed: int) -> None:
    found = {correction: adjust(p, correction) for correction in Correction}
    for correction, adjusted in found.items():
        assert ((adjusted >= np.array(p) - 1e-12) & (adjusted <= 1.0)).all()
        order = np.argsort(p, kind="stable")
        assert (np.diff(adjusted[order]) >= -1e-15).all()
        shuffle = np.random.default_rng(seed).permutation(len(p))
        np.testing.assert_allclose(
            adjust(np.array(p)[shuffle], correction), adjusted[shuffle], atol=1e-15
        )
        if len(p) == 1:
            assert adjusted == pytest.approx(p, abs=1e-12)
    tight = 1e-12
    assert (found[Correction.SIDAK] <= found[Correction.BONFERRONI] + tight).all()
    assert (found[Correction.HOLM] <= found[Correction.BONFERRONI] + tight).all()
    assert (found[Correction.HOCHBERG] <= found[Correction.HOLM] + tight).all()
    assert (found[Correction.BENJAMINI_HOCHBERG] <= found[Correction.HOCHBERG] + tight).all()
    assert (
        found[Correction.BENJAMINI_HOCHBERG] <= found[Correction.BENJAMINI_YEKUTIELI] + tight
    ).all()


def test_the_chance_of_an_error_and_the_share_of_errors_are_kept() -> None:
    rng = np.random.default_rng(1)
    any_error = shares = 0.0
    for _ in range(400):
        p = rng.uniform(size=20)
        p[:5] **= 8  # five real effects
        any_error += (adjust(p, Correction.HOLM)[5:] <= 0.10).any()
        found = adjust(p, Correction.BENJAMINI_HOCHBERG) <= 0.20
        shares += found[5:].sum() / max(found.sum(), 1)
    assert any_error / 400 <= 0.13
    assert shares / 400 == pytest.approx(0.20 * 15 / 20, abs=0.04)


@pytest.mark.parametrize(
    ("p", "words"),
    [
        ([0.1, math.nan], "row 1 is nan"),
        ([0.1, 1.2, -0.1], "number 1 is 1.2"),
        ([0.1, -0.1], "number 1 is -0.1"),
        ([], "at least 1 periods"),
        ([[0.1, 0.2]], "one series"),
    ],
)
def test_what_is_no_probability_is_refused(p, words: str) -> None:
    with pytest.raises(DataError, match=words):
        adjust(p, Correction.HOLM)
