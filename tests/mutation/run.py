"""Break the money path on purpose and expect the named test to notice.

    python tests/mutation/run.py [index ...]

Copies ``src`` to a temporary folder, applies one mutant, runs its test uncompiled, and
prints a line per mutant. Exits with 1 if one survives.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from mutants import MUTANTS, Mutant

REPOSITORY = Path(__file__).resolve().parents[2]
TIMEOUT_S = 300


def mutated(mutant: Mutant, source: Path) -> None:
    """Apply *mutant* to the copy of the sources at *source*."""
    path = source / "assay" / mutant.file
    text = path.read_text(encoding="utf-8")
    found = text.count(mutant.old)
    if found != 1:
        raise ValueError(f"{mutant.file} must hold {mutant.old!r} once; holds it {found} times.")
    path.write_text(text.replace(mutant.old, mutant.mutated), encoding="utf-8")


def test_status(source: Path, test: str) -> int:
    """Return pytest's exit status for *test*, run uncompiled on the sources at *source*."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(source),
        "NUMBA_DISABLE_JIT": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        str(REPOSITORY / test),
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        "--no-header",
        f"--rootdir={REPOSITORY}",
    ]
    done = subprocess.run(
        command, cwd=source, env=environment, capture_output=True, timeout=TIMEOUT_S, check=False
    )
    return done.returncode


def is_caught(mutant: Mutant) -> bool:
    """Whether the test named by *mutant* fails on it: fails, not errs or finds nothing to run."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "src"
        shutil.copytree(REPOSITORY / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
        mutated(mutant, source)
        return test_status(source, mutant.test) == 1


def main(indices: list[int]) -> int:
    """Try the mutants of *indices*, or all; return the exit status."""
    survivors = 0
    for k in indices or range(len(MUTANTS)):
        mutant = MUTANTS[k]
        caught = is_caught(mutant)
        survivors += not caught
        old = mutant.old.strip().splitlines()[0]
        verdict = "caught" if caught else "SURVIVED"
        print(f"{k:3d} {verdict:8s} {mutant.file:22s} {old[:60]:60s} {mutant.test.split('::')[1]}")
    print(f"{survivors} of {len(indices or MUTANTS)} survived")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main([int(argument) for argument in sys.argv[1:]]))
