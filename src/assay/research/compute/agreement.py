"""Whether the workers of a cluster run what this process runs, so that results are the same."""

from collections.abc import Callable, Mapping
from typing import Any

from assay.domain.errors import ConfigError
from assay.research.identity import code_hash

PACKAGES = ("numpy", "scipy", "numba", "scikit-learn", "lightgbm", "xgboost-cpu", "polars")
"""Whose version may change a result."""

LOOK_S = 30.0
"""Longest wait until every worker has said what it runs."""


def check_agreement(client: Any, address: str) -> None:
    """Refuse workers with other code, another Python, or other numeric libraries.

    Parameters
    ----------
    client : distributed.Client
    address : str
        Of the scheduler.

    Raises
    ------
    ConfigError
        Naming the first such worker and what differs; or if one does not answer in ``LOOK_S``.
    """

    def code_there() -> str:  # sent by value: a worker may lack the package
        try:
            from assay.research import identity
        except ImportError:
            return ""
        return identity.code_hash()

    hashes = _asked(client, address, client.run, code_there, on_error="return")
    for worker, found in sorted(hashes.items()):
        if found != code_hash():
            what = "other code" if found and isinstance(found, str) else "no Assay"
            raise ConfigError(
                f"Every worker of the cluster at {address} must run the same Assay; "
                f"{worker} has {what}.",
                remedy="Install the same version on every machine, and start the workers again.",
                worker=worker,
            )
    versions = _asked(client, address, client.get_versions, packages=list(PACKAGES))
    here = versions["client"]["packages"]
    for worker, there in sorted(versions["workers"].items()):
        for name in ("python", *PACKAGES):
            mine, its = _version(here, name), _version(there["packages"], name)
            if mine != its:
                raise ConfigError(
                    f"Every worker of the cluster at {address} must have {name} {mine}; "
                    f"{worker} has {its or 'none'}.",
                    remedy=f"Install {name} {mine} there: results differ in the last bit else.",
                    worker=worker,
                )


def _asked(
    client: Any, address: str, question: Callable[..., Any], *words: Any, **more: Any
) -> Mapping[str, Any]:
    """Return what all workers answer; Dask itself waits without end for one that hangs."""
    try:
        answers: Mapping[str, Any] = client.sync(question, *words, callback_timeout=LOOK_S, **more)
    except OSError as error:  # a TimeoutError is one
        raise ConfigError(
            f"Every worker of the cluster at {address} must say within {LOOK_S:g} s what it "
            f"runs; was not so: {error}",
            remedy="Stop the workers that hang, or wait until they are free; then run it again.",
        ) from None
    return answers


def _version(packages: Mapping[str, Any], name: str) -> str:
    """Return a version; of Python major and minor."""
    text = str(packages.get(name) or "")
    return ".".join(text.split(".")[:2]) if name == "python" else text
