"""The tests of the money path notice when it breaks."""

import pytest
from mutants import MUTANTS, QUICK
from run import REPOSITORY, is_caught, test_status

test_status.__test__ = False


@pytest.mark.parametrize("k", QUICK)
def test_a_broken_rule_is_noticed(k: int) -> None:
    assert is_caught(MUTANTS[k])


def test_every_mutant_still_fits_its_file() -> None:
    assert len(MUTANTS) >= 30
    for mutant in MUTANTS:
        text = (REPOSITORY / "src" / "assay" / mutant.file).read_text(encoding="utf-8")
        assert text.count(mutant.old) == 1, mutant
        assert mutant.mutated != mutant.old
        path, name = mutant.test.split("::")
        assert f"def {name}(" in (REPOSITORY / path).read_text(encoding="utf-8")


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_every_broken_rule_is_noticed() -> None:
    survivors = [mutant for mutant in MUTANTS if not is_caught(mutant)]
    assert not survivors
