"""Every setting of Assay: its type, its range, its unit and its default."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from assay.config.search_settings import SearchSettings
from assay.config.section import ALGORITHMS, Fraction, NotNegative, Positive, Section

BaseUrl = Annotated[str, Field(pattern=r"^https?://[^/@?#\s]+(/[^@?#\s]*)?$", max_length=300)]
"""An address without name, password or query: settings hold no secrets."""


class RunSettings(Section):
    """``[run]``: what makes a run repeatable, and how many processes it may use."""

    seed: int = Field(
        default=7, ge=0, le=2**32 - 1, description="all randomness of a run derives from it"
    )
    workers: int = Field(default=0, ge=0, le=256, description="processes; 0 uses every core")
    cluster: str = Field(
        default="",
        max_length=300,
        pattern=r"^$|^(tcp|tls)://[^/@?#\s]+:\d+$",
        description="Dask scheduler that computes in place of local processes, "
        "such as tcp://10.0.0.5:8786; empty: this machine",
    )


class MarketSettings(Section):
    """``[market]``: what is traded, and on which bars."""

    symbols: tuple[str, ...] = Field(
        default=("XAUUSD",),
        min_length=1,
        max_length=200,
        description="what is traded, on one account",
    )
    timeframe: str = Field(
        default="H1", description="bars to trade: M1, M5, M15, M30, H1, H4, D1, W1 or MN1"
    )
    start: str | None = Field(default=None, description="first day, such as 2015-01-31")
    end: str | None = Field(default=None, description="last day, exclusive")


class AccountSettings(Section):
    """``[account]``."""

    currency: str = Field(
        default="USD", pattern="^[A-Z]{3}$", description="of the account, three letters"
    )
    balance: Positive = Field(default=100_000.0, description="at the start, in account currency")
    stop_out_level: Fraction = Field(
        default=0.5, description="equity over margin that closes positions"
    )
    margin_call_level: Positive = Field(
        default=1.0, description="equity over margin that bars entries"
    )


class FeatureSettings(Section):
    """``[features]``: empty names mean the default set of the catalogue."""

    names: tuple[str, ...] = Field(
        default=(), description="features that models read; empty: the default set of the catalogue"
    )
    timeframes: tuple[str, ...] = Field(
        default=("H4", "D1"), description="higher timeframes joined on known time"
    )


class LabelSettings(Section):
    """``[labels]``: triple barriers in units of volatility and of cost."""

    horizon_bars: int = Field(
        default=36, ge=1, le=10_000, description="bars until a label is settled"
    )
    barrier_volatility: Positive = Field(
        default=2.5, description="distance of target and stop, in volatilities of the horizon"
    )
    volatility_bars: int = Field(
        default=100, ge=10, le=10_000, description="span of the volatility that scales labels"
    )
    cost_multiple_min: NotNegative = Field(
        default=1.5, description="a target clears this many round-trip costs"
    )


class TrainingSettings(Section):
    """``[training]``: models, their validation and their calibration."""

    algorithms: tuple[str, ...] = Field(
        default=ALGORITHMS, min_length=1, description="members of the ensemble"
    )
    inner_folds: int = Field(
        default=4, ge=2, le=20, description="purged folds inside each training"
    )
    embargo_bars: int = Field(
        default=24, ge=0, le=10_000, description="bars after a test fold that train nothing"
    )
    purge: Literal[True] = Field(
        default=True, description="always on: overlapping labels never train and test together"
    )
    rows_max: int = Field(
        default=12_000, ge=500, description="labels fitted per model; later ones are thinned evenly"
    )
    rows_min: int = Field(
        default=500, ge=100, description="fewer labels than this are too little history"
    )
    features_max: int = Field(
        default=40, ge=1, le=1_000, description="features kept by the selection"
    )
    calibration_fraction: float = Field(
        default=0.15, gt=0.0, lt=0.5, description="latest share of the labels, kept for calibration"
    )
    quantiles: tuple[Annotated[float, Field(gt=0.0, lt=1.0)], ...] = Field(
        default=(0.05, 0.25, 0.5, 0.75, 0.95),
        min_length=1,
        description="levels of the forecast distribution of the move",
    )

    @model_validator(mode="after")
    def _algorithms_are_known(self) -> "TrainingSettings":
        for name in self.algorithms:
            if name not in ALGORITHMS:
                raise ValueError(f"{name!r} is none of {', '.join(ALGORITHMS)}")
        return self


class FusionSettings(Section):
    """``[fusion]``: how signals become one view, and what must hold before it counts."""

    topology: Literal["parallel", "hierarchical", "hybrid"] = Field(
        default="hybrid",
        description="equal votes; votes weighed by a meta-model; or the mean of both",
    )
    weight_traditional: Fraction = Field(
        default=0.4, description="of the indicator votes in the score of a side"
    )
    weight_ai: Fraction = Field(default=0.4, description="of the ensemble in the score of a side")
    weight_correlation: Fraction = Field(
        default=0.2, description="of what both agree on; the three sum to 1"
    )
    pass_score: Fraction = Field(
        default=0.6, description="a side is entered when it scores above this"
    )
    hold_score: Fraction = Field(
        default=0.5, description="a position is kept while its side scores above this"
    )

    @model_validator(mode="after")
    def _weights_sum_to_one(self) -> "FusionSettings":
        total = self.weight_traditional + self.weight_ai + self.weight_correlation
        if abs(total - 1.0) > 1e-9:
            raise ValueError(f"the three weights must sum to 1; they sum to {total:g}")
        if self.hold_score > self.pass_score:
            raise ValueError(
                f"hold_score must be at most pass_score {self.pass_score}; was {self.hold_score}"
            )
        return self


class RiskSettings(Section):
    """``[risk]``: hard limits. Loosening one is a decision, so each has a ceiling."""

    sizing: Literal["kelly", "fixed"] = Field(
        default="kelly", description="least of Kelly, risk, volatility and limits; or fixed lots"
    )
    fixed_lots: Positive = Field(default=0.1, description="size of each entry when sizing is fixed")
    kelly_multiplier: float = Field(
        default=0.5, gt=0.0, le=0.5, description="share of the full Kelly stake; at most a half"
    )
    probability_confidence: float = Field(
        default=0.75,
        ge=0.5,
        lt=1.0,
        description="one-sided confidence of the lower bound that Kelly uses",
    )
    risk_fraction_max: float = Field(
        default=0.01, gt=0.0, le=0.05, description="equity lost if one stop is hit"
    )
    volatility_target: float = Field(
        default=0.10, gt=0.0, le=1.0, description="annual, of the account"
    )
    exposure_max: float = Field(
        default=5.0, gt=0.0, le=100.0, description="total notional over equity"
    )
    symbol_exposure_max: float = Field(
        default=3.0, gt=0.0, le=100.0, description="notional of one symbol over equity"
    )
    margin_fraction_max: float = Field(
        default=0.5, gt=0.0, le=1.0, description="margin over equity after an entry"
    )
    positions_max: int = Field(
        default=10, ge=1, le=200, description="open positions and queued entries"
    )


class TargetLevel(Section):
    """One take-profit: where, and how much of the position leaves there."""

    at_r: Positive = Field(description="distance, in multiples of the stop distance")
    fraction: float = Field(gt=0.0, le=1.0, description="share of the initial size")


class ExitSettings(Section):
    """``[exits]``: the bracket of every position. Zero switches a rule off."""

    stop_atr: Positive = Field(
        default=8.0, description="distance of the stop, in average true ranges"
    )
    atr_bars: int = Field(
        default=100, ge=2, le=1_000, description="smoothing of the average true range"
    )
    targets: tuple[TargetLevel, ...] = Field(
        default=(),
        max_length=4,
        description="take-profit levels, nearest first, such as {at_r = 2.0, fraction = 0.5}",
    )
    break_even_at_r: NotNegative = Field(
        default=0.0, description="gain, in stop distances, that moves the stop to the entry; 0: off"
    )
    trailing_atr: NotNegative = Field(
        default=0.0, description="distance of a trailing stop, in average true ranges; 0: off"
    )
    time_stop_bars: int = Field(
        default=0, ge=0, le=100_000, description="bars after which a position is closed; 0: never"
    )

    @model_validator(mode="after")
    def _targets_make_sense(self) -> "ExitSettings":
        levels = [target.at_r for target in self.targets]
        if levels != sorted(set(levels)):
            raise ValueError(f"targets must be in rising order of at_r; were {levels}")
        if sum(target.fraction for target in self.targets) > 1.0 + 1e-9:
            raise ValueError("the fractions of the targets must sum to at most 1")
        return self


class CostSettings(Section):
    """``[costs]``: on by default; each can be scaled for a stress, none is forgotten."""

    spread_multiple: NotNegative = Field(default=1.0, description="widens the quoted spread")
    slippage_volatility_fraction: NotNegative = Field(
        default=0.02, description="slippage per fill, in volatilities of one bar"
    )
    slippage_points_min: NotNegative = Field(
        default=0.0, description="least slippage per fill, in points"
    )
    commission_multiple: NotNegative = Field(default=1.0, description="scales the commission")
    swap_multiple: NotNegative = Field(default=1.0, description="scales the swap")


class EvaluationSettings(Section):
    """``[evaluation]``: walk-forward and the verdict."""

    window: Literal["anchored", "rolling"] = Field(
        default="anchored", description="training keeps its first bar, or its length"
    )
    folds: int = Field(default=10, ge=2, le=100, description="steps of the walk forward")
    first_train_fraction: float = Field(
        default=0.25, gt=0.0, lt=0.9, description="share of the history before the first test"
    )
    confidence: float = Field(
        default=0.95,
        gt=0.5,
        le=0.999,
        description="of the deflated Sharpe ratio and the intervals; less counts as 0.95",
    )
    trades_min: int = Field(
        default=30,
        ge=1,
        description="closed trades out of sample; fewer are not enough data; less counts as 30",
    )
    years_min: Positive = Field(
        default=1.0, description="out of sample; less is not enough data; less counts as 1"
    )
    bootstrap_samples: int = Field(
        default=2_000, ge=100, le=100_000, description="behind every interval"
    )


class DownloadSettings(Section):
    """``[downloads]``: how politely history is asked for, and where. Keys never stand here."""

    concurrency: int = Field(default=4, ge=1, le=16, description="requests under way at once")
    requests_per_second: float = Field(
        default=5.0, gt=0.0, le=100.0, description="requests begun per second, at most"
    )
    retries_max: int = Field(
        default=6, ge=0, le=20, description="times a request is repeated before the file fails"
    )
    timeout_s: float = Field(
        default=60.0, gt=0.0, le=600.0, description="longest wait for one whole answer, in seconds"
    )
    stall_s: float = Field(
        default=15.0,
        gt=0.0,
        le=120.0,
        description="longest wait for a connection or for the next bytes, in seconds",
    )
    wait_s_max: float = Field(
        default=300.0,
        ge=0.0,
        le=3600.0,
        description="longest pause that a server may ask for, in seconds",
    )
    answer_bytes_max: int = Field(
        default=64_000_000, ge=1_000, le=1_000_000_000, description="largest answer, in bytes"
    )
    dukascopy_url: BaseUrl = Field(
        default="https://datafeed.dukascopy.com/datafeed", description="bi5 files of Dukascopy"
    )
    dukascopy_json_url: BaseUrl = Field(
        default="https://jetta.dukascopy.com/v1", description="JSON interface of Dukascopy"
    )
    oanda_url: BaseUrl | None = Field(
        default=None, description="of the v20 API, in place of the host of oanda_account"
    )
    oanda_account: Literal["practice", "live"] = Field(
        default="practice", description="which of OANDA's hosts knows the token"
    )
    oanda_token_variable: str = Field(
        default="OANDA_TOKEN",
        pattern="^[A-Za-z_][A-Za-z0-9_]*$",
        description="environment variable that holds the token; the token itself is never stored",
    )
    ccxt_url: BaseUrl | None = Field(
        default=None, description="in place of the exchange's own address"
    )
    yahoo_url: BaseUrl = Field(
        default="https://query1.finance.yahoo.com", description="chart API of Yahoo"
    )


class QualitySettings(Section):
    """``[quality]``: what a history must score before anything trains or trades on it."""

    score_min: float = Field(
        default=60.0, ge=0.0, le=100.0, description="least score of the data checks, of 100"
    )
    accept: str = Field(
        default="",
        max_length=500,
        pattern=r"^$|\p{L}{2}",  # a reason in words
        description="why a lower score is accepted; stands in every result it touches",
    )


class Settings(Section):
    """The whole of ``assay.toml``."""

    run: RunSettings = RunSettings()
    market: MarketSettings = MarketSettings()
    account: AccountSettings = AccountSettings()
    features: FeatureSettings = FeatureSettings()
    labels: LabelSettings = LabelSettings()
    training: TrainingSettings = TrainingSettings()
    fusion: FusionSettings = FusionSettings()
    risk: RiskSettings = RiskSettings()
    exits: ExitSettings = ExitSettings()
    costs: CostSettings = CostSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    search: SearchSettings = SearchSettings()
    downloads: DownloadSettings = DownloadSettings()
    quality: QualitySettings = QualitySettings()
    instruments: dict[str, dict[str, object]] = Field(
        default_factory=dict, description="overrides of contract facts, by symbol"
    )

    def of_a_result(self, *, is_searched: bool = False) -> dict[str, Any]:
        """Return every setting that a result may depend on, as plain values.

        How history is downloaded is not among them: what was downloaded is, by its hash. How
        settings are searched is among them only if they are.
        """
        without = {"downloads"} if is_searched else {"downloads", "search"}
        return self.model_dump(mode="json", exclude=without)
