"""What is stored is what was fitted, or it is refused."""

import hashlib
import json
import os
import pickle
import shutil
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.domain.errors import ModelError
from assay.models import artifact
from assay.models.artifact import load, read_card, save
from assay.models.graph import read_graph, write_graph
from assay.models.parity import check_parity
from assay.models.quantile import fit_quantiles


@pytest.fixture(scope="module")
def stored(forecaster, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stored") / "model"
    return folder, save(forecaster, folder, {"data_hash": "d", "trials": 3})


@pytest.fixture
def copy(stored, tmp_path):
    shutil.copytree(stored[0], tmp_path / "model")
    return tmp_path / "model"


def rehash(folder, file):
    """Make the card agree with the file again, as a careful attacker would."""
    card = json.loads((folder / "card.json").read_text())
    digest = hashlib.sha256((folder / file).read_bytes()).hexdigest()
    for entry in [*card["models"], card["sample"]]:
        if entry["file"] == file:
            entry["sha256"] = digest
    (folder / "card.json").write_text(json.dumps(card))


def edit_card(folder, edit):
    card = json.loads((folder / "card.json").read_text())
    edit(card)
    (folder / "card.json").write_text(json.dumps(card))


def test_a_round_trip_changes_no_bit_of_any_forecast(stored, forecaster, weak):
    again = load(stored[0], schema_hash="schema-a", sha256=stored[1])
    for question in ("raw", "stacked"):
        a, b = (getattr(model, question)(weak.x) for model in (again, forecaster))
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(
        again.p_up(weak.x, "schema-a"), forecaster.p_up(weak.x, "schema-a")
    )
    np.testing.assert_array_equal(again.p_bounds(weak.x, 0.9), forecaster.p_bounds(weak.x, 0.9))
    assert (again.names, again.selected) == (forecaster.names, forecaster.selected)


def test_the_same_model_is_stored_as_the_same_bytes(stored, forecaster, tmp_path):
    assert save(forecaster, tmp_path / "b", {"data_hash": "d", "trials": 3}) == stored[1]
    names = sorted(path.name for path in stored[0].iterdir())
    assert names == sorted(path.name for path in (tmp_path / "b").iterdir())
    for name in names:
        assert (stored[0] / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_library_kernel_and_onnx_runtime_agree_on_the_stored_sample(stored, forecaster):
    found = check_parity(stored[0])
    assert tuple(found) == forecaster.models
    assert max(max(p.kernel, p.runtime) for p in found.values()) < 1e-6


def test_the_card_names_schema_features_hashes_and_facts(stored, forecaster):
    card = read_card(stored[0])
    assert card.schema_hash == "schema-a"
    assert card.facts == {"data_hash": "d", "trials": 3}
    assert card.selected == list(forecaster.selected)
    for entry in card.models:
        content = (stored[0] / entry.file).read_bytes()
        assert entry.sha256 == hashlib.sha256(content).hexdigest()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_one_flipped_bit_anywhere_is_refused(stored, tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("flip") / "model"
    shutil.copytree(stored[0], folder)
    file = data.draw(st.sampled_from(sorted(path.name for path in folder.iterdir())))
    content = bytearray((folder / file).read_bytes())
    i = data.draw(st.integers(0, len(content) - 1))
    content[i] ^= 1 << data.draw(st.integers(0, 7))
    (folder / file).write_bytes(bytes(content))
    with pytest.raises(ModelError) as caught:
        load(folder, sha256=stored[1])
    assert file in str(caught.value)


def test_a_changed_graph_is_named_with_both_hashes_and_a_remedy(copy):
    path = copy / "lightgbm.onnx"
    expected = hashlib.sha256(path.read_bytes()).hexdigest()
    path.write_bytes(path.read_bytes() + b"\0")
    actual = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(ModelError) as caught:
        load(copy)
    for part in (str(path), expected, actual, caught.value.remedy):
        assert part in str(caught.value)


@pytest.mark.parametrize("file", ["card.json", "sample.json", "mlp.onnx", "xgboost.onnx"])
def test_a_truncated_or_missing_file_is_refused(copy, file):
    whole = (copy / file).read_bytes()
    for content in (b"", whole[: len(whole) // 2]):
        (copy / file).write_bytes(content)
        with pytest.raises(ModelError, match=file):
            load(copy)
        if file != "card.json":
            rehash(copy, file)
            with pytest.raises(ModelError):
                load(copy)
    (copy / file).unlink()
    with pytest.raises(ModelError, match=file):
        load(copy)


def test_graphs_that_swapped_places_are_refused_even_with_matching_hashes(copy):
    a, b = copy / "random_forest.onnx", copy / "extra_trees.onnx"
    first, second = a.read_bytes(), b.read_bytes()
    a.write_bytes(second)
    b.write_bytes(first)
    with pytest.raises(ModelError, match="sha256"):
        load(copy)
    rehash(copy, a.name)
    rehash(copy, b.name)
    with pytest.raises(ModelError, match="sample"):
        load(copy)


def test_another_schema_is_refused(stored):
    with pytest.raises(ModelError, match="schema-b"):
        load(stored[0], schema_hash="schema-b")


@pytest.mark.parametrize(
    "file", ["../model/lightgbm.onnx", "/etc/passwd", "a/b.onnx", "..", "lightgbm.onnx\0", "x.pkl"]
)
def test_a_card_cannot_name_a_file_outside_its_folder(copy, file):
    edit_card(copy, lambda card: card["models"][0].update(file=file))
    with pytest.raises(ModelError, match="plain files"):
        load(copy)


def test_a_link_is_not_followed(copy, tmp_path):
    path = copy / "lightgbm.onnx"
    path.rename(tmp_path / "elsewhere.onnx")
    path.symlink_to(tmp_path / "elsewhere.onnx")
    with pytest.raises(ModelError, match="link"):
        load(copy)


class Payload:
    """A pickle that leaves a mark when it is opened."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("file", ["lightgbm.onnx", "logistic.onnx", "sample.json", "card.json"])
def test_a_pickle_in_place_of_a_file_is_never_executed(copy, tmp_path, file):
    mark = tmp_path / "executed"
    (copy / file).write_bytes(pickle.dumps(Payload(mark)))
    if file != "card.json":
        rehash(copy, file)
    with pytest.raises(ModelError):
        load(copy)
    assert not mark.exists()
    pickle.loads((copy / file).read_bytes())
    assert mark.exists(), "the payload itself must work, or the test shows nothing"


def test_loading_imports_no_unpickler(stored):
    code = (
        "import sys; from pathlib import Path; from assay.models.artifact import load;"
        f"load(Path({str(stored[0])!r}));"
        "print([m for m in ('joblib', 'onnxruntime', 'lightgbm', 'xgboost', 'sklearn')"
        " if m in sys.modules])"
    )
    import subprocess

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() in ("[]", "['joblib']")


@pytest.mark.parametrize(
    "edit",
    [
        lambda card: card.update(format="assay-model-2"),
        lambda card: card.update(extra=1),
        lambda card: card.pop("stacker"),
        lambda card: card.update(stacker=None),
        lambda card: card["stacker"].update(weights=[1.0]),
        lambda card: card["stacker"].update(intercept="0"),
        lambda card: card["calibrator"].update(slope=-1.0),
        lambda card: card["calibrator"].update(covariance=[[1.0], [1.0, 2.0]]),
        lambda card: card.update(selected=["no_such_feature"] * len(card["selected"])),
        lambda card: card.update(names=card["names"][:-1]),
        lambda card: card.update(models=[]),
        lambda card: card.update(models=card["models"] * 2),
        lambda card: card.update(kind="quantile"),
    ],
)
def test_an_inconsistent_card_is_refused(copy, edit):
    edit_card(copy, edit)
    with pytest.raises(ModelError, match=r"card\.json|stacker|calibrator"):
        load(copy)


def test_a_foreign_or_tampered_graph_is_refused(forecaster):
    import onnx
    from onnx import helper

    foreign = helper.make_model(helper.make_graph([], "g", [], []))
    with pytest.raises(ModelError):
        read_graph(foreign.SerializeToString(), "m.onnx")

    def tampered(name, edit):
        model = onnx.load_model_from_string(write_graph(forecaster.forms[name]))
        edit(model)
        return model.SerializeToString()

    def attribute(model, name):
        return next(a for a in model.graph.node[0].attribute if a.name == name)

    def loop(model):
        attribute(model, "nodes_truenodeids").ints[0] = 0

    def outside(model):
        attribute(model, "nodes_truenodeids").ints[0] = 2**40

    def feature(model):
        attribute(model, "nodes_featureids").ints[0] = 999

    def not_a_number(model):
        attribute(model, "nodes_values").floats[0] = float("nan")

    def external(model):
        tensor = model.graph.initializer[0]
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="/etc/passwd")

    def operator(model):
        model.graph.node[-1].op_type = "Identity"

    def custom(model):
        model.graph.node[-1].domain = "evil.ops"

    cases = [("xgboost", edit) for edit in (loop, outside, feature, not_a_number, operator, custom)]
    cases += [("logistic", edit) for edit in (external, operator, custom)]
    for name, edit in cases:
        with pytest.raises(ModelError, match=r"m\.onnx"):
            read_graph(tampered(name, edit), "m.onnx")


def test_a_folder_that_exists_is_not_overwritten(stored, forecaster):
    with pytest.raises(ModelError, match="must not exist"):
        save(forecaster, stored[0])


def test_a_full_disk_leaves_nothing_behind(forecaster, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(artifact.os, "fsync", full)
    with pytest.raises(ModelError, match="No space left"):
        save(forecaster, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_quantiles_are_stored_and_checked_in_the_same_way(weak, tmp_path):
    r = weak.truth + np.random.default_rng(0).normal(size=weak.truth.size)
    model = fit_quantiles(
        weak.x, r, weak.weight, (0.1, 0.5, 0.9), names=weak.names, schema_hash="s", seed=1
    )
    digest = save(model, tmp_path / "q")
    again = load(tmp_path / "q", schema_hash="s", sha256=digest)
    np.testing.assert_array_equal(again.quantiles(weak.x, "s"), model.quantiles(weak.x, "s"))
    check_parity(tmp_path / "q")
    with pytest.raises(ModelError):
        again.quantiles(weak.x, "t")
