"""Write the lock files: the exact version of everything that pyproject.toml asks for.

Run it inside an environment in which those versions are installed and tested (``make lock``).
The files hold names and versions only: no address, so that they install from any mirror, and no
hash, because one file serves Linux, macOS and Windows, whose archives differ. What only another
system needs cannot be pinned from here; it is named in the file.
"""

import argparse
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
SYSTEMS = (
    {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
    {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
)


def closure(texts: Iterable[str]) -> tuple[dict[str, tuple[str, frozenset[str]]], set[str]]:
    """Return the version of every package that *texts* lead to, and what is not installed here.

    With each version stand the systems (``sys_platform``) that need the package.
    """
    pinned: dict[str, tuple[str, frozenset[str]]] = {}
    elsewhere: set[str] = set()
    for system in SYSTEMS:
        waiting = [Requirement(text) for text in texts]
        seen: set[tuple[str, tuple[str, ...]]] = set()
        while waiting:
            requirement = waiting.pop()
            name = canonicalize_name(requirement.name)
            key = (name, tuple(sorted(requirement.extras)))
            if key in seen:
                continue
            seen.add(key)
            try:
                found = distribution(name)
            except PackageNotFoundError:
                elsewhere.add(name)
                continue
            _, systems = pinned.get(name, ("", frozenset()))
            pinned[name] = found.version, systems | {system["sys_platform"]}
            waiting += _needs(found.requires or [], requirement.extras, system)
    return pinned, elsewhere


def _needs(
    texts: Iterable[str], extras: Iterable[str], system: Mapping[str, str]
) -> Iterator[Requirement]:
    """Yield what a package needs on one system, with the chosen extras."""
    for text in texts:
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or any(
            marker.evaluate({**system, "extra": extra}) for extra in ("", *extras)
        ):
            yield requirement


def render(
    pinned: Mapping[str, tuple[str, frozenset[str]]], elsewhere: set[str], heading: str
) -> str:
    """Return the text of one lock file."""
    lines = [f"# {heading}", "# Made by `make lock`; tested on Linux x86-64, Python 3.11."]
    if elsewhere:
        lines.append(f"# Needed on other systems only, not pinned: {', '.join(sorted(elsewhere))}.")
    for name, (version, systems) in sorted(pinned.items()):
        absent = [s["sys_platform"] for s in SYSTEMS if s["sys_platform"] not in systems]
        marker = " and ".join(f'sys_platform != "{platform}"' for platform in absent)
        lines.append(f"{name}=={version}" + (f" ; {marker}" if marker else ""))
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write or check both files; return 1 if a check finds a difference."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    arguments = parser.parse_args()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    core = [*project["dependencies"], "hatchling", "editables"]
    files = {
        "requirements.lock": (core, "What Assay runs on."),
        "requirements-test.lock": (
            [*core, *extras["test"], *extras.get("docs", [])],
            "What Assay runs on, and what its tests and documents need.",
        ),
    }
    status = 0
    for name, (wanted, heading) in files.items():
        text = render(*closure(wanted), heading)
        path = ROOT / name
        if not arguments.check:
            path.write_text(text)
        elif re.sub(r"^#.*\n", "", path.read_text(), flags=re.M) != re.sub(
            r"^#.*\n", "", text, flags=re.M
        ):
            sys.stderr.write(f"{name} does not match this environment; run `make lock`.\n")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
