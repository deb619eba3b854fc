"""Fusion: agreement raises, disagreement lowers, swap counts, silence abstains."""

import math

from hypothesis import given
from hypothesis import strategies as st

from assay.config.settings import FusionSettings
from assay.signals.fusion import fuse, weights_of

WEIGHTS = weights_of(FusionSettings())
odds = st.floats(-2.0, 2.0).filter(lambda x: x == 0.0 or abs(x) > 1e-6)


def view(ai: float, traditional: float, tilt: float = 0.0, drag: float = 0.0) -> tuple[float, ...]:
    return tuple(fuse(ai, traditional, tilt, drag, 1.0, WEIGHTS))


@given(odds, odds)
def test_scores_are_shares_and_the_mirror_image_is_the_opposite_side(a: float, t: float) -> None:
    side, score, conviction = view(a, t)
    assert side in (-1.0, 0.0, 1.0)
    assert 0.5 <= score <= 1.0
    assert 0.0 <= conviction <= 1.0
    assert view(-a, -t) == (-side, score, conviction)


@given(st.floats(0.01, 1.0), st.floats(0.01, 1.0))
def test_agreement_raises_and_disagreement_lowers_the_score(a: float, t: float) -> None:
    alone = view(a, 0.0)[1]
    assert view(a, t)[1] > alone
    side, score, _ = view(a, -t)
    assert side != 1.0 or score < alone


def test_two_silent_paths_abstain() -> None:
    assert view(math.nan, math.nan) == (0.0, 0.5, 0.0)
    assert view(0.0, 0.0) == (0.0, 0.5, 0.0)


def test_a_silent_path_leaves_the_other_its_own_weight() -> None:
    assert view(1.0, math.nan) == view(1.0, 0.0)
    side, score, _ = view(1.0, math.nan)
    assert (side, round(score, 12)) == (1.0, 0.75)


def test_full_agreement_scores_one() -> None:
    assert view(5.0, 5.0)[1] == 1.0


def test_a_view_that_does_not_pay_its_swap_is_no_view() -> None:
    assert view(0.1, 0.0, drag=0.2)[0] == 0.0
    assert view(0.1, 0.0, tilt=0.3)[0] == -1.0
    assert view(0.5, 0.0, tilt=0.3)[1] < view(0.5, 0.0)[1]


def test_the_validator_passes_where_its_settings_say() -> None:
    """0.4 · traditional + 0.4 · AI + 0.2 · correlation, above 0.6."""
    settings = FusionSettings()
    assert view(0.9, 0.0)[1] > settings.pass_score
    assert view(0.39, 0.0)[1] < settings.pass_score
    assert view(0.21, 0.21)[1] > settings.pass_score
