"""Stored models: ONNX graphs and a JSON card, checked by hash, loaded without running code."""

import hashlib
import json
import os
import re
import shutil
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypeVar

import numpy as np
from pydantic import JsonValue, ValidationError

from assay.domain.errors import ModelError
from assay.models.calibration import Calibrator
from assay.models.card import (
    CARD,
    FORMAT,
    Card,
    StoredCalibrator,
    StoredFile,
    StoredSample,
    StoredStacker,
    Strict,
)
from assay.models.ensemble import Forecaster, ParitySample
from assay.models.graph import read_graph, write_graph
from assay.models.quantile import QuantileForecaster
from assay.models.scoring import Form
from assay.models.stacking import Stacker
from assay.models.trees import Trees

Model = Forecaster | QuantileForecaster

FILE_BYTES_MAX = 64 * 2**20
PARITY_MAX = 1e-6
_FILE = re.compile(r"[a-z0-9_]{1,64}\.(onnx|json)")
_LIBRARIES = (
    "numpy",
    "scikit-learn",
    "lightgbm",
    "xgboost-cpu",
    "xgboost",
    "onnx",
    "onnxruntime",
    "numba",
)
_RESTORE = "Restore the artifact from the registry, or train again."

T = TypeVar("T", bound=Strict)


def save(model: Model, folder: Path, facts: dict[str, JsonValue] | None = None) -> str:
    """Write *model* into a folder that does not exist yet.

    Parameters
    ----------
    model : Forecaster or QuantileForecaster
    folder : Path
        Appears at once and complete, or not at all.
    facts : dict, optional
        Added to the card as they are; must be JSON.

    Returns
    -------
    sha256 : str
        Of the card, and through it of every file: the identity of the model. Keep it where
        the folder cannot be written, and give it to `load`.

    Raises
    ------
    ModelError
        If the folder exists, or the disk refuses.
    """
    if folder.exists():
        raise ModelError(
            f"{folder} must not exist before a model is saved there; it did.",
            remedy="Choose another folder, or remove it.",
            folder=str(folder),
        )
    partial = folder.with_name(f".{folder.name}.partial")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        digest = _write(model, partial, facts or {})
        partial.replace(folder)
    except OSError as error:
        raise ModelError(
            f"{folder} must be writable; was not ({error.strerror}).",
            remedy="Free disk space or choose another folder; nothing was left behind.",
            folder=str(folder),
        ) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return digest


def load(folder: Path, *, schema_hash: str | None = None, sha256: str | None = None) -> Model:
    """Read a stored model, trusting nothing in the folder.

    Parameters
    ----------
    folder : Path
    schema_hash : str, optional
        Of the features at hand; a model of another schema is refused.
    sha256 : str, optional
        Of the card, as `save` returned it. Without it, a folder that was replaced as a
        whole, hashes and all, is not noticed.

    Returns
    -------
    Forecaster or QuantileForecaster
        It has answered its stored sample as the training libraries did, to 1e-6.

    Raises
    ------
    ModelError
        If a file is missing, too large, or its bytes do not match their hash (it names
        the file and both hashes); if the card or a graph is not of our making; if the
        schema differs; if the sample is answered differently.

    Notes
    -----
    Reading is JSON and protocol buffers, whose parsers build data only. No pickle, no
    joblib, no import by name, no path but plain names inside the folder.
    """
    content = _bytes(folder, CARD)
    if sha256 is not None:
        _check_hash(folder / CARD, content, sha256)
    card = _parse(Card, content, folder / CARD)
    if schema_hash is not None and schema_hash != card.schema_hash:
        raise ModelError(
            f"{folder} must be fitted on feature schema {schema_hash}; was {card.schema_hash}.",
            remedy="Compute the features that the model card names, or train again.",
            expected=schema_hash,
            actual=card.schema_hash,
        )
    forms: dict[str, Form] = {}
    for stored in card.models:
        forms[stored.name] = read_graph(_checked(folder, stored), str(folder / stored.file))
    sample = _parse(StoredSample, _checked(folder, card.sample), folder / card.sample.file)
    model = _assemble(card, forms, sample, folder)
    gap = float(np.abs(model.raw(model.sample.x) - model.sample.native).max())
    if not gap <= PARITY_MAX:
        raise ModelError(
            f"{folder} must answer its stored sample to {PARITY_MAX:g}; was off by {gap:.3g}.",
            remedy=_RESTORE,
            gap=gap,
        )
    return model


def read_card(folder: Path) -> Card:
    """Return the card of a stored model without loading its graphs.

    Raises
    ------
    ModelError
        If the card is missing or not of our making.
    """
    return _parse(Card, _bytes(folder, CARD), folder / CARD)


def graphs(folder: Path) -> dict[str, bytes]:
    """Return the checked bytes of every graph of a stored model, by member name."""
    return {stored.name: _checked(folder, stored) for stored in read_card(folder).models}


def _write(model: Model, folder: Path, facts: dict[str, JsonValue]) -> str:
    stored = [
        _store(folder, name, f"{name}.onnx", write_graph(form))
        for name, form in model.forms.items()
    ]
    sample = StoredSample(x=model.sample.x.tolist(), native=model.sample.native.tolist())
    card = Card(
        format="assay-model-1",
        kind="direction" if isinstance(model, Forecaster) else "quantile",
        schema_hash=model.schema_hash,
        names=list(model.names),
        selected=list(model.selected if isinstance(model, Forecaster) else model.names),
        models=stored,
        sample=_store(folder, "sample", "sample.json", _text(sample)),
        stacker=_stored_stacker(model) if isinstance(model, Forecaster) else None,
        calibrator=_stored_calibrator(model) if isinstance(model, Forecaster) else None,
        levels=list(model.levels) if isinstance(model, QuantileForecaster) else None,
        libraries=_versions(),
        facts=facts,
    )
    return _store(folder, "card", CARD, _text(card)).sha256


def _versions() -> dict[str, str]:
    """Return the versions of the libraries at hand; XGBoost goes by either of two names."""
    found = {}
    for name in _LIBRARIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _store(folder: Path, name: str, file: str, content: bytes) -> StoredFile:
    with (folder / file).open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    return StoredFile(name=name, file=file, sha256=hashlib.sha256(content).hexdigest())


def _text(model: Strict) -> bytes:
    plain = model.model_dump(mode="json")
    return (json.dumps(plain, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


def _stored_stacker(model: Forecaster) -> StoredStacker:
    stacker = model.stacker
    return StoredStacker(weights=stacker.weights.tolist(), intercept=stacker.intercept)


def _stored_calibrator(model: Forecaster) -> StoredCalibrator:
    calibrator = model.calibrator
    return StoredCalibrator(
        slope=calibrator.slope,
        intercept=calibrator.intercept,
        covariance=calibrator.covariance.tolist(),
        knots=calibrator.knots.tolist(),
        levels=calibrator.levels.tolist(),
        support=calibrator.support.tolist(),
        effective_rows=calibrator.effective_rows,
    )


def _bytes(folder: Path, file: str) -> bytes:
    """Read a plain file inside *folder*; nothing else can be named."""
    path = folder / file
    if not _FILE.fullmatch(file):
        raise ModelError(
            f"{folder / CARD} must name plain files beside it; was {file[:200]!r}.",
            remedy=_RESTORE,
            file=file,
        )
    if path.is_symlink() or not path.is_file():
        raise ModelError(
            f"{path} must be a file; was missing, or a link.", remedy=_RESTORE, file=str(path)
        )
    try:
        with path.open("rb") as stream:
            content = stream.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise ModelError(
            f"{path} must be readable; was not ({error.strerror}).",
            remedy="Check the permissions of the folder.",
            file=str(path),
        ) from None
    if len(content) > FILE_BYTES_MAX:
        raise ModelError(
            f"{path} must have at most {FILE_BYTES_MAX} bytes; had more.",
            remedy=_RESTORE,
            file=str(path),
        )
    return content


def _checked(folder: Path, stored: StoredFile) -> bytes:
    content = _bytes(folder, stored.file)
    _check_hash(folder / stored.file, content, stored.sha256)
    return content


def _check_hash(path: Path, content: bytes, expected: str) -> None:
    actual = hashlib.sha256(content).hexdigest()
    if actual != expected:
        raise ModelError(
            f"{path} must have the sha256 {expected}; was {actual}.",
            remedy=_RESTORE,
            file=str(path),
            expected=expected,
            actual=actual,
        )


def _parse(kind: type[T], content: bytes, path: Path) -> T:
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the text"
        raise ModelError(
            f"{path} must be a JSON file of format {FORMAT}; {place}: {first['msg']}.",
            remedy=_RESTORE,
            file=str(path),
        ) from None


def _assemble(card: Card, forms: dict[str, Form], stored: StoredSample, folder: Path) -> Model:
    names, selected = tuple(card.names), tuple(card.selected)
    path = folder / CARD
    known = len(set(names)) == len(names) and set(selected) <= set(names) and bool(selected)
    unique = len(set(selected)) == len(selected) and len(forms) == len(card.models)
    if not (known and unique) or any(f.n_features != len(selected) for f in forms.values()):
        raise _inconsistent(path, "its features and graphs do not fit together")
    try:
        with np.errstate(over="ignore"):
            narrow = np.array(stored.x, dtype=np.float32)
        sample = ParitySample(x=narrow, native=np.array(stored.native, dtype=np.float64))
    except ValueError:
        raise _inconsistent(path, "the sample is ragged") from None
    n_rows = sample.x.shape[0]
    shapes = (sample.x.shape, sample.native.shape)
    if n_rows == 0 or shapes != ((n_rows, len(names)), (n_rows, len(forms))):
        raise _inconsistent(path, "the sample has another shape")
    if card.kind == "quantile":
        trees = {name: form for name, form in forms.items() if isinstance(form, Trees)}
        levels = tuple(card.levels or ())
        rising = levels == tuple(sorted(set(levels)))
        complete = len(trees) == len(forms) == len(levels)
        if not rising or not complete or selected != names:
            raise _inconsistent(path, "it needs one tree model per level")
        return QuantileForecaster(
            names=names,
            schema_hash=card.schema_hash,
            levels=levels,
            forms=trees,
            sample=sample,
        )
    if card.stacker is None or card.calibrator is None:
        raise _inconsistent(path, "it needs a stacker and a calibrator")
    stacker = Stacker(np.array(card.stacker.weights), card.stacker.intercept)
    stacker.check(len(forms))
    c = card.calibrator
    try:
        covariance = np.array(c.covariance, dtype=np.float64)
    except ValueError:
        raise _inconsistent(path, "the covariance is ragged") from None
    calibrator = Calibrator(
        slope=c.slope,
        intercept=c.intercept,
        covariance=covariance,
        knots=np.array(c.knots, dtype=np.float64),
        levels=np.array(c.levels, dtype=np.float64),
        support=np.array(c.support, dtype=np.float64),
        effective_rows=c.effective_rows,
    )
    calibrator.check()
    return Forecaster(
        names=names,
        schema_hash=card.schema_hash,
        selected=selected,
        forms=forms,
        stacker=stacker,
        calibrator=calibrator,
        sample=sample,
    )


def _inconsistent(path: Path, why: str) -> ModelError:
    return ModelError(
        f"{path} must describe one consistent model; {why}.", remedy=_RESTORE, file=str(path)
    )
