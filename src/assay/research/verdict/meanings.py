"""What every figure of a verdict means, in a sentence for whoever reads the file."""

from collections.abc import Mapping

MEANINGS: Mapping[str, str] = {
    "sharpe": "Sharpe ratio a year after costs, over cash at 0 %: sharpe_daily times the root of "
    "days_per_year.",
    "sharpe_daily": "Mean over standard deviation (ddof 1) of daily returns; 0 if it never traded.",
    "n_days": "Daily returns in the record.",
    "days_per_year": "Trading days a year, counted in this record.",
    "skew": "Third standardised moment of the daily returns (population form).",
    "kurtosis": "Fourth standardised moment of the daily returns, raw: 3 for a normal one.",
    "trials": "Trials that the ledger counts against this record, lost ones included.",
    "trials_effective": "Independent trials that those are worth; luck is computed from these.",
    "trials_correlation": "Mean correlation between clusters of trials, floored at 0.",
    "trials_recorded": "Different trials in the ledger, whatever they saw.",
    "trials_nested": "Trials that chose settings before each judged span, hence not counted.",
    "trials_lost": "Trials that earlier results counted and the ledger no longer holds.",
    "trials_clusters": "Groups of trials that are nearly the same.",
    "luck_sharpe": "Sharpe ratio a year that the best of the effective trials shows by luck.",
    "psr": "Probability that the true Sharpe ratio is above 0 (convention A, n - 1).",
    "psr_convention_b": "The same under convention B: error under the hypothesis, n.",
    "dsr": "Probability that the true Sharpe ratio is above luck_sharpe: the deflated ratio.",
    "dsr_observed_variance": "The deflated ratio with the observed variance of the trials in place "
    "of luck's own; unknown below two trials.",
    "trials_sharpe_deviation": "Standard deviation of the trials' annual Sharpe ratios.",
    "track_record_years_min": "Years at the observed ratio until it stands out from luck.",
    "power_at_sharpe_2": "Chance that a true Sharpe ratio of 2 is found in a record this long.",
    "sharpe_needed": "Sharpe ratio a year that this record needs to stand out from luck.",
    "alpha_annual": "Return a year that buying and holding does not explain, a fraction.",
    "alpha_t": "t-statistic of that return, Newey-West.",
    "beta": "Share of the market's moves that the strategy takes part in.",
    "residual_sharpe": "Sharpe ratio a year of what buying and holding leaves.",
}
