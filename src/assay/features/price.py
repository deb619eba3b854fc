"""The prices of the bar itself, for whoever needs them beside the indicators."""

from assay.features.feature import Feature
from assay.kernels.compiler import kernel


@kernel
def price_step(price: float) -> float:
    """Return the price as it is."""
    return price


OPEN = Feature(
    name="open", meaning="open of the bar, bid", step=price_step, inputs=lambda: ("open",)
)
HIGH = Feature(
    name="high", meaning="high of the bar, bid", step=price_step, inputs=lambda: ("high",)
)
LOW = Feature(name="low", meaning="low of the bar, bid", step=price_step, inputs=lambda: ("low",))
CLOSE = Feature(
    name="close", meaning="close of the bar, bid", step=price_step, inputs=lambda: ("close",)
)

FEATURES = (OPEN, HIGH, LOW, CLOSE)
