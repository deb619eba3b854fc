"""Enumeration values in the form that compiled code takes."""

from enum import IntEnum
from typing import cast

import numpy as np


def code(member: IntEnum) -> int:
    """Return *member* as an int64.

    A plain global ``int`` is a literal type to the compiler, which would compile every
    callee anew for each value.
    """
    return cast("int", np.int64(member.value))
