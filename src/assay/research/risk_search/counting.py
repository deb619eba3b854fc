"""The ledger's view of a walk of risk searches: one entry a search, with all of its cases."""

from collections.abc import Mapping
from typing import Any

from assay.config.settings import Settings
from assay.research.identity import acting_code
from assay.research.risk_search.found import RiskSearch
from assay.research.risk_search.nested import RiskWalk
from assay.research.risk_search.parameters import settings_of
from assay.research.trials.ledger import TrialLedger
from assay.research.trials.trial import (
    Trial,
    changed_settings,
    figures_of,
    hash_of,
    settings_hash,
)


def count_searches(
    ledger: TrialLedger,
    found: RiskWalk,
    *,
    shown: Mapping[str, Any],
    hashes: Mapping[str, str],
    at_ns: int,
) -> str:
    """Record every search with its cases; return the identity of the walk they are nested in.

    Parameters
    ----------
    ledger : TrialLedger
    found : RiskWalk
    shown : mapping
        Settings of the result, with the plan of the searches among them.
    hashes : mapping of str to str
        Of the walk.
    at_ns : int

    Notes
    -----
    A search of a step saw nothing of what it chose for, and the one over the whole record chose
    nothing that the walk is judged on, so that none of them counts against this walk. All of them
    count against everything else that is judged on what they saw.
    """
    data, code = hash_of([hashes["data"], hashes["facts"]]), acting_code(hashes)
    own = settings_hash(shown)
    identity = hash_of(["risk search", own, data, code])
    names = [f"risk search, fold {step.fold}" for step in found.steps]
    ids = {"data_hash": data, "code_hash": code, "at_ns": at_ns, "nested_in": identity}
    trials = [
        _trial(search, found.settings, kind, own, ids)
        for kind, search in zip([*names, "risk search, all"], found.searches, strict=True)
    ]
    ledger.record_all(trials)
    return identity


def _trial(
    search: RiskSearch, settings: Settings, kind: str, own: str, ids: Mapping[str, Any]
) -> Trial:
    best = settings_of(settings, search.best.values)
    return Trial(
        kind=kind,
        origin="risk_search",
        settings_hash=own,
        **figures_of(search.daily, settings.account.balance),
        saw_from_ns=search.from_ns,
        saw_until_ns=search.until_ns,
        tried=changed_settings(best.of_a_result(), Settings().of_a_result()),
        cases=search.n_cases,
        cases_effective=search.n_independent,
        **ids,
    )
