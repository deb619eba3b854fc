"""The same market seen in a mirror: every rise becomes the equal fall."""

from dataclasses import replace

from assay.data.bars import Bars


def mirrored(bars: Bars) -> Bars:
    """Return *bars* with every price *p* replaced by ``constant / p``.

    Bid and ask change places, highs become lows; volume and times stay. Log returns change their
    sign, so a feature of direction changes its sign and a feature of volatility stays. A model
    trained on a market and its mirror image cannot learn "up" merely because the sample rose.

    Parameters
    ----------
    bars : Bars
        With both sides quoted.
    """
    assert bars.ask_open is not None and bars.ask_high is not None
    assert bars.ask_low is not None and bars.ask_close is not None
    constant = float(bars.open[0]) ** 2 if len(bars) else 1.0
    close, ask_close = constant / bars.ask_close, constant / bars.close
    return replace(
        bars,
        open=constant / bars.ask_open,
        high=constant / bars.ask_low,
        low=constant / bars.ask_high,
        close=close,
        spread=ask_close - close,
        ask_open=constant / bars.open,
        ask_high=constant / bars.low,
        ask_low=constant / bars.high,
        ask_close=ask_close,
    )
