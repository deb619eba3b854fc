"""The ledger's view of a stress test: the strategy itself, and one look per set of scenarios."""

import math
from dataclasses import asdict

from assay.config.settings import Settings
from assay.research.identity import acting_code
from assay.research.result import StrategyResult
from assay.research.stress.stress import Plan
from assay.research.trials.ledger import TrialLedger
from assay.research.trials.trial import Trial, changed_settings, hash_of, settings_hash, trial_of
from assay.research.walk import Walked


def count_stress(
    ledger: TrialLedger, walked: Walked, base: StrategyResult, plan: Plan, *, at_ns: int
) -> None:
    """Count the strategy, if no run did before, and every set of scenarios of *plan*.

    A set has no record of its own by which it could be chosen, so it carries no Sharpe ratio and
    no returns; the ledger takes each for one independent look.
    """
    hashes = walked.prepared.hashes
    result_settings = walked.settings.of_a_result()
    changed = changed_settings(result_settings, Settings().of_a_result())
    own = settings_hash(result_settings)
    data, code = hash_of([hashes["data"], hashes["facts"]]), acting_code(hashes)
    trials = [
        trial_of(
            base,
            settings_hash=own,
            data_hash=data,
            code_hash=code,
            at_ns=at_ns,
            origin="stress",
            tried=changed,
        )
    ]
    asked = {key: value for key, value in asdict(plan).items() if key != "groups"}
    for group in plan.groups:
        trials.append(
            Trial(
                kind=f"stress {group}",
                origin="stress",
                settings_hash=hash_of([own, group, asked]),
                data_hash=data,
                code_hash=code,
                sharpe_daily=math.nan,
                n_days=0,
                skew=math.nan,
                kurtosis=math.nan,
                at_ns=at_ns,
                saw_from_ns=int(base.time_ns[0]),
                saw_until_ns=int(base.time_ns[-1]),
                tried={**changed, **{f"stress.{key}": value for key, value in asked.items()}},
            )
        )
    ledger.record_all(trials)
