"""Decision makers on disk: fitted on all history, stored without code, loaded only if whole."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from assay.config.settings import FusionSettings, Settings
from assay.domain.errors import ModelError
from assay.domain.progress import Progress
from assay.domain.time import iso_utc
from assay.models import artifact
from assay.models.calibration import Calibrator
from assay.models.ensemble import Forecaster
from assay.models.quantile import QuantileForecaster
from assay.research.history import History
from assay.research.preparation import prepare
from assay.research.training import select_rows, train
from assay.signals.signal_model import PATHS, SignalModel
from assay.signals.votes import VOTES
from assay.strategy.strategy import Strategy

CARD_FILE = "decision.json"
FORECASTER_FOLDER = "forecaster"
QUANTILES_FOLDER = "quantiles"
CARD_BYTES_MAX = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredModel:
    """A decision maker and where it came from.

    Attributes
    ----------
    model : SignalModel
    symbols : tuple of str
    timeframe : str
    names : tuple of str
        Features it reads, in order.
    trained_from_ns, trained_until_ns : int
        Span of the labels it was fitted on. Whatever it says about bars that closed before
        *trained_until_ns* is in sample and proves nothing.
    n_rows : int
        Labels used.
    log_loss : mapping of str to float
        Out of fold, by member; a coin has 0.6931.
    hashes : mapping of str to str
        Of data, features and code, and of the ``strategy.py`` that it was trained with.
    settings : mapping
        Every setting at the time of training.
    quality : mapping
        Scores of the data it was trained on, and why low ones were accepted.
    identity : str
        Hash of the card; empty before it is stored.
    """

    model: SignalModel
    symbols: tuple[str, ...]
    timeframe: str
    names: tuple[str, ...]
    trained_from_ns: int
    trained_until_ns: int
    n_rows: int
    log_loss: Mapping[str, float]
    hashes: Mapping[str, str]
    settings: Mapping[str, Any]
    quality: Mapping[str, Any] = field(default_factory=dict)
    identity: str = ""


def fit_on_all(
    settings: Settings,
    history: History,
    *,
    progress: Progress,
    strategy: Strategy | None = None,
) -> StoredModel:
    """Fit one decision maker on every label that has ended.

    Parameters
    ----------
    settings : Settings
    history : History
    progress : Progress
    strategy : Strategy, optional
        A user's columns.

    Raises
    ------
    DataError
        If there are fewer labels than ``training.rows_min``.
    StrategyError
        If a user's column fails, or does not say the same over the history and bar by bar.
    """
    progress.stage("Features and labels", 1)
    prepared = prepare(settings, history, strategy)
    dataset = prepared.dataset
    progress.advance()
    first, last = int(dataset.start_ns[0]), int(dataset.start_ns[-1])
    rows = select_rows(dataset, settings, from_ns=first, until_ns=last + 1)
    progress.stage("Training", 1)
    training = train(rows, settings, seed=settings.run.seed)
    progress.advance()
    return StoredModel(
        model=training.model,
        symbols=tuple(history.bars),
        timeframe=settings.market.timeframe,
        names=dataset.names,
        trained_from_ns=int(rows.start_ns[0]),
        trained_until_ns=int(rows.end_ns.max()),
        n_rows=training.n_rows,
        log_loss=dict(training.diagnostics.log_loss),
        hashes=prepared.hashes,
        settings=settings.of_a_result(),
        quality=prepared.quality.as_json(),
    )


def store(stored: StoredModel, folder: Path, *, notes: Mapping[str, object]) -> dict[str, Any]:
    """Write *stored* into the empty *folder*, and return its card.

    Parameters
    ----------
    notes : mapping
        Wall-clock facts (when, how long, which machine).

    Raises
    ------
    OSError
        If the disk refuses.
    """
    model = stored.model
    forecaster = artifact.save(
        model.forecaster, folder / FORECASTER_FOLDER, {"hashes": dict(stored.hashes)}
    )
    quantiles = artifact.save(
        model.quantiles, folder / QUANTILES_FOLDER, {"hashes": dict(stored.hashes)}
    )
    card: dict[str, Any] = {
        "symbols": list(stored.symbols),
        "timeframe": stored.timeframe,
        "names": list(stored.names),
        "trained_from_ns": stored.trained_from_ns,
        "trained_until_ns": stored.trained_until_ns,
        "trained_from": iso_utc(stored.trained_from_ns),
        "trained_until": iso_utc(stored.trained_until_ns),
        "n_rows": stored.n_rows,
        "log_loss": dict(stored.log_loss),
        "hashes": dict(stored.hashes),
        "settings": dict(stored.settings),
        "quality": dict(stored.quality),
        "notes": dict(notes),
        "decision": {
            "equal_slope": model.equal_slope,
            "vote_names": list(model.vote_names),
            "vote_weights": model.vote_weights.tolist(),
            "calibrators": {path: _calibrator_card(model.calibrators[path]) for path in PATHS},
            "scale": model.scale,
            "move": model.move,
            "persistence": model.persistence,
            "pools": {path: list(model.pools[path]) for path in PATHS},
            "fusion": model.fusion.model_dump(mode="json"),
        },
        "forecaster": forecaster,
        "quantiles": quantiles,
    }
    card["sha256"] = _card_hash(card)
    text = json.dumps(card, indent=1, sort_keys=True, allow_nan=False)
    (folder / CARD_FILE).write_text(text, encoding="utf-8")
    return card


def load(folder: Path) -> StoredModel:
    """Load a decision maker; no code is executed.

    Raises
    ------
    ModelError
        If a file is missing, cut off, or does not match its hash.
    """
    card = _read_card(folder)
    forecaster = artifact.load(folder / FORECASTER_FOLDER, sha256=card["forecaster"])
    if not isinstance(forecaster, Forecaster):
        raise _damaged(folder / FORECASTER_FOLDER, "it forecasts quantiles, not a side")
    quantiles = artifact.load(folder / QUANTILES_FOLDER, sha256=card["quantiles"])
    if not isinstance(quantiles, QuantileForecaster):
        raise _damaged(folder / QUANTILES_FOLDER, "it forecasts a side, not quantiles")
    try:
        decision = card["decision"]
        model = SignalModel(
            forecaster=forecaster,
            equal_slope=float(decision["equal_slope"]),
            vote_weights=np.array(decision["vote_weights"], dtype=np.float64),
            calibrators={path: _calibrator(decision["calibrators"][path]) for path in PATHS},
            scale=float(decision["scale"]),
            move=float(decision["move"]),
            persistence=float(decision["persistence"]),
            pools={path: _pool(decision["pools"][path]) for path in PATHS},
            fusion=FusionSettings.model_validate(decision["fusion"]),
            quantiles=quantiles,
            vote_names=_vote_names(decision),
        )
        return StoredModel(
            model=model,
            symbols=tuple(card["symbols"]),
            timeframe=str(card["timeframe"]),
            names=tuple(card["names"]),
            trained_from_ns=int(card["trained_from_ns"]),
            trained_until_ns=int(card["trained_until_ns"]),
            n_rows=int(card["n_rows"]),
            log_loss=card["log_loss"],
            hashes=card["hashes"],
            settings=card["settings"],
            quality=card.get("quality", {}),
            identity=str(card["sha256"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(folder / CARD_FILE, f"{error!r}") from None


def _read_card(folder: Path) -> dict[str, Any]:
    """Return the card if it is whole."""
    path = folder / CARD_FILE
    try:
        if path.stat().st_size > CARD_BYTES_MAX:
            raise _damaged(path, f"it is larger than {CARD_BYTES_MAX:,} bytes")
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(path, f"{error}") from None
    if not isinstance(card, dict) or not isinstance(card.get("forecaster"), str):
        raise _damaged(path, "it is no card")
    if card.get("sha256") != _card_hash(card):
        raise _damaged(path, "its content does not match its hash")
    return card


def _card_hash(card: Mapping[str, Any]) -> str:
    body = {key: value for key, value in card.items() if key != "sha256"}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _pool(values: Any) -> tuple[float, float]:
    ai, traditional = values
    return float(ai), float(traditional)


def _vote_names(decision: Mapping[str, Any]) -> tuple[str, ...]:
    names = tuple(str(name) for name in decision.get("vote_names", VOTES))
    if len(names) != len(decision["vote_weights"]):
        raise ValueError(f"{len(decision['vote_weights'])} weights for {len(names)} votes")
    return names


def _calibrator_card(calibrator: Calibrator) -> dict[str, Any]:
    return {
        "slope": calibrator.slope,
        "intercept": calibrator.intercept,
        "covariance": calibrator.covariance.tolist(),
        "knots": calibrator.knots.tolist(),
        "levels": calibrator.levels.tolist(),
        "support": calibrator.support.tolist(),
        "effective_rows": calibrator.effective_rows,
    }


def _calibrator(card: Mapping[str, Any]) -> Calibrator:
    return Calibrator(
        slope=float(card["slope"]),
        intercept=float(card["intercept"]),
        covariance=np.array(card["covariance"], dtype=np.float64),
        knots=np.array(card["knots"], dtype=np.float64),
        levels=np.array(card["levels"], dtype=np.float64),
        support=np.array(card["support"], dtype=np.float64),
        effective_rows=float(card["effective_rows"]),
    )


def _damaged(path: Path, what: str) -> ModelError:
    return ModelError(
        f"{path} must be as it was stored; was not: {what}.",
        remedy="Restore it from a backup, or train again with `assay train`.",
        file=str(path),
    )
