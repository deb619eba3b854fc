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
    "trials_correlation": "Mean correlation of the monthly returns over pairs of trials, of at "
    "most 400 trials; floored at 0.",
    "trials_recorded": "Different trials in the ledger, with cases of sweeps, whatever they saw.",
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
    "years": "Calendar years from the first event of the record to the last.",
    "closed_trades": "Trades that were closed in the record.",
    "net_profit": "Profit after all costs, open positions marked, account currency.",
    "total_return": "The same as a fraction of the start balance.",
    "max_drawdown": "Largest fall from a peak at daily closes, a fraction of the peak.",
    "sharpe_low": "Lower end of the bootstrap interval of the Sharpe ratio a year.",
    "sharpe_high": "Upper end of that interval.",
    "random_runs": "Runs that entered at random as often, with the same exits and costs.",
    "random_as_good": "Those of them with at least as high a Sharpe ratio.",
    "random_sharpe": "Median of their Sharpe ratios a year.",
    "asked_confidence": "evaluation.confidence of the settings; judged by at least 0.95.",
    "asked_years": "evaluation.years_min of the settings; judged by at least 1.",
    "asked_trades": "evaluation.trades_min of the settings; judged by at least 30.",
}
