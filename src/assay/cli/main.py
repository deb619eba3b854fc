"""The door of ``assay``: run one command, and leave with a status that means something."""

import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

OK = 0
INTERRUPTED = 130
TERMINATED = 143


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run ``assay`` with *arguments* (those of the process by default), and exit.

    A process border: this is where every fault becomes a message and a status.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    is_debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    sys.exit(_run(words, is_debug=is_debug, as_json="--json" in words))


def _run(words: Sequence[str], *, is_debug: bool, as_json: bool) -> int:
    """Run the command and return the exit status; no child process survives a failure."""
    status = 1
    try:
        signal.signal(signal.SIGTERM, _terminate)
        # Imported here, so that Ctrl-C in the first moments is caught like any other.
        from assay.cli.application import application

        answer = application(args=list(words), prog_name="assay", standalone_mode=False)
        status = answer if isinstance(answer, int) else OK
        if status == INTERRUPTED:
            raise KeyboardInterrupt
    except BaseException as fault:  # the border of the process: nothing may pass unseen
        from assay.cli.failures import report_fault

        status = report_fault(fault, as_json=as_json, is_debug=is_debug)
    finally:
        if status != OK:
            from assay.cli.processes import stop_children

            stop_children()
    return status


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    """Turn a polite request to stop into an exit that cleans up."""
    sys.exit(TERMINATED)


if __name__ == "__main__":
    main()
