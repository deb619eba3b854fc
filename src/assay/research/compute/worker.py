"""The life of a worker process: take a task, answer, and end when nobody is there any more."""

import os
import shutil
import signal
import threading
import time
import traceback
from typing import Any

from assay.domain.errors import ComputeError
from assay.research.compute.threads import keep_one_thread

FUNCTION, TASK = b"f", b"t"
"""First byte of a message to a worker."""

IDLE_S_MAX = 300.0
"""Seconds without a task after which a worker goes home."""

LOOK_S = 1.0
"""Seconds between two looks whether the process that started us is alive."""


def serve(connection: Any, parent: int, folder: str) -> None:
    """Answer tasks from *connection* until it closes; the body of a worker process.

    Parameters
    ----------
    connection : multiprocessing.connection.Connection
    parent : int
        Process that started this one. When it dies, this one ends, whatever it is doing.
    folder : str
        Where mapped arrays lie; removed when the parent died without doing so.
    """
    # Ctrl-C reaches the whole group of a terminal; the parent hears it and ends us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch, args=(parent, folder), daemon=True).start()
    keep_one_thread()
    function, call = b"", None
    try:
        connection.send_bytes(b"")
        while connection.poll(IDLE_S_MAX):
            message = connection.recv_bytes()
            if message[:1] == FUNCTION:
                function, call = message[1:], None
                continue
            call, reply = answer(call, function, message[1:])
            connection.send_bytes(reply)
    except (EOFError, OSError):  # the parent went away
        _leave_if_orphaned(parent, folder)


def answer(call: Any, function: bytes, task: bytes) -> tuple[Any, bytes]:
    """Return the function, read if it was not, and the answer to one task.

    Parameters
    ----------
    call : callable or None
        The function, if it was read before.
    function, task : bytes
        Function and argument, packed.

    Returns
    -------
    call : callable
    answer : bytes
        Packed: (True, result), or (False, (error, traceback)). The border of a process:
        whatever a task raises is its answer.
    """
    from joblib.externals.loky.backend.reduction import dumps, loads

    try:
        if call is None:
            call = loads(function)
        value = loads(task)
        keep_one_thread()
        result = call(value)
        return call, bytes(dumps((True, result)))
    except Exception as error:
        return call, _packed_error(error)


def _packed_error(error: Exception) -> bytes:
    """Return *error* with its traceback, in a form that the other side can surely read."""
    from joblib.externals.loky.backend.reduction import dumps, loads

    trace = "".join(traceback.format_exception(error))
    try:
        packed = bytes(dumps((False, (error, trace))))
        loads(packed)
    except Exception:  # an error that does not travel is told in words
        told = ComputeError(
            f"A task must not fail; it raised {type(error).__name__}: {error}",
            remedy="Run it again with --debug for the traceback.",
        )
        packed = bytes(dumps((False, (told, trace))))
    return packed


def _watch(parent: int, folder: str) -> None:
    """End this process when *parent* is gone, also in the middle of a task."""
    while True:
        time.sleep(LOOK_S)
        _leave_if_orphaned(parent, folder)


def _leave_if_orphaned(parent: int, folder: str) -> None:
    if os.getppid() != parent:
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(1)
