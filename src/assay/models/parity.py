"""The parity check: training library, our kernel and ONNX Runtime must agree on a sample."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assay.domain.errors import ModelError
from assay.kernels.compiler import FloatArray
from assay.models.artifact import PARITY_MAX, graphs, load
from assay.models.graph import INPUT
from assay.models.inputs import Float32Array


@dataclass(frozen=True, slots=True)
class Parity:
    """Largest differences of one member over the stored sample.

    Attributes
    ----------
    kernel, runtime : float
        Of our kernel, and of ONNX Runtime, from what the training library answered when
        the model was fitted. Unit: probability, or the unit of a quantile's target.
    """

    kernel: float
    runtime: float


def check_parity(folder: Path) -> dict[str, Parity]:
    """Ask a stored model in three ways, and compare.

    Parameters
    ----------
    folder : Path
        As `assay.models.artifact.save` wrote it.

    Returns
    -------
    differences : dict of member name to Parity

    Raises
    ------
    ModelError
        If any difference is above 1e-6: the stored model is not the one that was tested.

    Notes
    -----
    A promotion needs this check. Converters have been silently wrong before; here the
    graph is written by hand, and the sample was answered before it was written.
    """
    model = load(folder)
    place = {name: i for i, name in enumerate(model.names)}
    selected = getattr(model, "selected", model.names)
    inputs = np.ascontiguousarray(model.sample.x[:, [place[name] for name in selected]])
    answers = model.raw(model.sample.x)
    found: dict[str, Parity] = {}
    for m, (name, content) in enumerate(graphs(folder).items()):
        native = model.sample.native[:, m]
        runtime = runtime_answer(content, inputs)
        found[name] = Parity(
            kernel=float(np.abs(answers[:, m] - native).max()),
            runtime=float(np.abs(runtime - native).max()),
        )
        worst = max(found[name].kernel, found[name].runtime)
        if not worst <= PARITY_MAX:
            raise ModelError(
                f"{name} in {folder} must agree with its training library to {PARITY_MAX:g}; "
                f"was off by {worst:.3g}.",
                remedy="Do not promote the model; train again, and report the sample.",
                model=name,
                gap=worst,
            )
    return found


def runtime_answer(content: bytes, inputs: Float32Array) -> FloatArray:
    """Return what ONNX Runtime answers for *inputs*, shape (n_rows,)."""
    answer = session(content).run(None, {INPUT: inputs})[0]
    return np.asarray(answer, dtype=np.float64)[:, 0]


def session(content: bytes) -> Any:
    """Return an ONNX Runtime session on one thread; its default threads spin."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
