"""ONNX graphs of our models: written from flat arrays, and read back into them."""

from typing import Any

import numpy as np

from assay.domain.errors import ModelError
from assay.kernels.compiler import IntArray
from assay.models.dense import Dense
from assay.models.scoring import Form
from assay.models.trees import Int32Array, Trees

INPUT, OUTPUT = "features", "answer"
IR_VERSION, OPSET, OPSET_ML = 9, 17, 3
_ML = "ai.onnx.ml"


def write_graph(form: Form) -> bytes:
    """Return *form* as a serialised ONNX model.

    Parameters
    ----------
    form : Trees or Dense

    Returns
    -------
    model : bytes
        Input ``features`` float32 (n, n_features); output ``answer`` (n, 1): P(up) for a
        logistic link, else the sum of leaves. Written by hand, not by a converter, so the
        graph holds exactly the numbers that our kernel reads.
    """
    return bytes(_model(form).SerializeToString(deterministic=True))


def read_graph(content: bytes, subject: str) -> Form:
    """Return the flat arrays behind a graph that `write_graph` wrote.

    Parameters
    ----------
    content : bytes
        Untrusted. Parsed as protocol buffer only; nothing in it is executed, and no other
        file that it may name is opened.
    subject : str
        Name of the file, for the message.

    Raises
    ------
    ModelError
        If the bytes are no ONNX model, or describe any graph but one of ours.
    """
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        model = onnx.load_model_from_string(content)
        operations = [node.op_type for node in model.graph.node]
        reader = _read_trees if "TreeEnsembleRegressor" in operations else _read_dense
        form = reader(model.graph)
        form.check()
        same = model == _model(form)
    except (DecodeError, KeyError, IndexError, ValueError, TypeError, OverflowError) as error:
        raise _foreign(subject, f"{type(error).__name__}: {error}") from None
    except ModelError as error:
        raise _foreign(subject, error.message) from None
    if not same:
        raise _foreign(subject, "another graph")
    return form


def _foreign(subject: str, was: str) -> ModelError:
    return ModelError(
        f"{subject} must hold an ONNX graph that Assay wrote; was {was[:200]}.",
        remedy="Restore the artifact from the registry, or train again.",
        file=subject,
    )


def _model(form: Form) -> Any:
    from onnx import TensorProto, helper

    nodes, constants = _tree_nodes(form) if isinstance(form, Trees) else _dense_nodes(form)
    kind = TensorProto.FLOAT if isinstance(form, Trees) else TensorProto.DOUBLE
    graph = helper.make_graph(
        nodes,
        "assay",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", form.n_features])],
        [helper.make_tensor_value_info(OUTPUT, kind, ["n", 1])],
        initializer=constants,
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(_ML, OPSET_ML)]
    return helper.make_model(
        graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="assay"
    )


def _tree_nodes(form: Trees) -> tuple[list[Any], list[Any]]:
    from onnx import helper

    n_nodes = form.feature.shape[0]
    tree, place = _places(form.roots, n_nodes)
    leaf = form.feature < 0
    offset = form.roots[tree]
    left = np.where(leaf, 0, form.left - offset)
    mode = "BRANCH_LT" if form.strict else "BRANCH_LEQ"
    ensemble = helper.make_node(
        "TreeEnsembleRegressor",
        [INPUT],
        ["sum" if form.logistic else OUTPUT],
        domain=_ML,
        n_targets=1,
        aggregate_function="SUM",
        post_transform="NONE",
        base_values=[form.base],
        nodes_treeids=tree.tolist(),
        nodes_nodeids=place.tolist(),
        nodes_featureids=np.where(leaf, 0, form.feature).tolist(),
        nodes_values=form.threshold.tolist(),
        nodes_modes=["LEAF" if end else mode for end in leaf],
        nodes_truenodeids=left.tolist(),
        nodes_falsenodeids=np.where(leaf, 0, left + 1).tolist(),
        target_treeids=tree[leaf].tolist(),
        target_nodeids=place[leaf].tolist(),
        target_ids=[0] * int(leaf.sum()),
        target_weights=form.value[leaf].tolist(),
    )
    nodes = [ensemble]
    if form.logistic:
        nodes.append(helper.make_node("Sigmoid", ["sum"], [OUTPUT]))
    return nodes, []


def _places(roots: IntArray, n_nodes: int) -> tuple[IntArray, IntArray]:
    """Return the tree of each node, and its place within the tree."""
    sizes = np.diff(np.append(roots, n_nodes))
    tree = np.repeat(np.arange(roots.shape[0]), sizes)
    return tree, np.arange(n_nodes) - roots[tree]


def _read_trees(graph: Any) -> Trees:
    from onnx import helper

    facts = {item.name: helper.get_attribute_value(item) for item in graph.node[0].attribute}
    tree = np.array(facts["nodes_treeids"], dtype=np.int64)
    modes = facts["nodes_modes"]
    leaf = np.array([mode == b"LEAF" for mode in modes])
    n_trees = int(tree.max()) + 1 if tree.size else 0
    if not 0 < n_trees <= tree.size:
        raise ValueError("no trees")
    roots = np.searchsorted(tree, np.arange(n_trees)).astype(np.int64)
    left = np.array(facts["nodes_truenodeids"], dtype=np.int64) + roots[tree]
    value = np.zeros(tree.size, dtype=np.float32)
    value[leaf] = np.array(facts["target_weights"], dtype=np.float32)
    feature = np.where(leaf, -1, np.array(facts["nodes_featureids"], dtype=np.int64))
    return Trees(
        feature=_narrow(feature),
        threshold=np.array(facts["nodes_values"], dtype=np.float32),
        left=_narrow(np.where(leaf, 0, left)),
        value=value,
        roots=roots,
        n_features=_width(graph),
        strict=b"BRANCH_LT" in modes,
        logistic=len(graph.node) > 1,
        base=float(facts["base_values"][0]),
    )


def _narrow(index: IntArray) -> Int32Array:
    if index.size and int(np.abs(index).max()) > np.iinfo(np.int32).max:
        raise ValueError("an index is too large")
    return index.astype(np.int32)


def _width(graph: Any) -> int:
    return int(graph.input[0].type.tensor_type.shape.dim[1].dim_value)


def _dense_nodes(form: Dense) -> tuple[list[Any], list[Any]]:
    from onnx import TensorProto, helper, numpy_helper

    constants = {
        "centre": form.centre,
        "scale": form.scale,
        "low": np.array(-form.limit),
        "high": np.array(form.limit),
        "linear": form.linear[:, None],
        "intercept": np.array([form.intercept]),
    }
    nodes = [
        helper.make_node("Cast", [INPUT], ["wide"], to=TensorProto.DOUBLE),
        helper.make_node("Sub", ["wide", "centre"], ["centred"]),
        helper.make_node("Div", ["centred", "scale"], ["standard"]),
        helper.make_node("Clip", ["standard", "low", "high"], ["inputs"]),
        helper.make_node("MatMul", ["inputs", "linear"], ["lean"]),
        helper.make_node("Add", ["lean", "intercept"], ["shifted"]),
    ]
    last = "shifted"
    if form.out.shape[0]:
        constants |= {
            "hidden": np.ascontiguousarray(form.hidden.T),
            "hidden_bias": form.hidden_bias,
            "out": form.out[:, None],
        }
        nodes += [
            helper.make_node("MatMul", ["inputs", "hidden"], ["units"]),
            helper.make_node("Add", ["units", "hidden_bias"], ["biased"]),
            helper.make_node("Tanh", ["biased"], ["active"]),
            helper.make_node("MatMul", ["active", "out"], ["weighed"]),
            helper.make_node("Add", ["shifted", "weighed"], ["total"]),
        ]
        last = "total"
    nodes.append(helper.make_node("Sigmoid", [last], [OUTPUT]))
    arrays = [
        numpy_helper.from_array(np.asarray(array, dtype=np.float64), name)
        for name, array in constants.items()
    ]
    return nodes, arrays


def _read_dense(graph: Any) -> Dense:
    from onnx import TensorProto, numpy_helper

    arrays = {}
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.DOUBLE or tensor.external_data:
            raise ValueError(f"{tensor.name} is not stored inside as doubles")
        arrays[tensor.name] = np.array(numpy_helper.to_array(tensor), dtype=np.float64)
    n_features = _width(graph)
    out = arrays.get("out", np.zeros((0, 1)))[:, 0].copy()
    hidden = arrays.get("hidden", np.zeros((n_features, 0)))
    return Dense(
        centre=arrays["centre"],
        scale=arrays["scale"],
        limit=float(arrays["high"]),
        linear=arrays["linear"][:, 0].copy(),
        hidden=np.ascontiguousarray(hidden.T),
        hidden_bias=arrays.get("hidden_bias", np.zeros(0)),
        out=out,
        intercept=float(arrays["intercept"][0]),
    )
