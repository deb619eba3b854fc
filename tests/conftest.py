"""Fixtures shared by all tests."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# The first example of a law may compile a kernel; slow is not wrong.
settings.register_profile("assay", deadline=None)
settings.load_profile("assay")

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real quotes, or skip: they are not part of the project."""
    folder = Path(os.environ.get("ASSAY_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (folder / "history").is_dir():
        pytest.skip(f"real quotes are not here ({folder}); set ASSAY_SHARED_DATA")
    return folder


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """Let Ctrl-C through: a command that ran inside the tests ignores it, for all that follow."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, signal.default_int_handler)
