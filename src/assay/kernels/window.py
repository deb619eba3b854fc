"""A view of consecutive array elements that costs nothing inside compiled code."""

from typing import Any

import numpy as np
from numba.core import cgutils, types
from numba.core.extending import intrinsic
from numba.np.arrayobj import populate_array

# This module takes part in every kernel that asks for a window (see compiler._cache_folder).

_ITEM_BYTES = np.dtype(np.float64).itemsize


@intrinsic
def window(typing_context: Any, values: Any, start: Any, stop: Any) -> Any:
    """Return ``values[start:stop]`` without counting references, which costs more than the work.

    Parameters
    ----------
    values : float64, shape (n,), C-contiguous
        Must outlive the view; loops over features keep it alive.
    start, stop : int
        ``0 <= start <= stop <= n``; not checked.

    Returns
    -------
    view : float64, shape (stop - start,)
    """
    signature = values(values, start, stop)

    def generate(context: Any, builder: Any, call: Any, arguments: Any) -> Any:
        array_type = call.args[0]
        array = context.make_array(array_type)(context, builder, arguments[0])
        first = context.cast(builder, arguments[1], call.args[1], types.intp)
        last = context.cast(builder, arguments[2], call.args[2], types.intp)
        view = context.make_array(array_type)(context, builder)
        item = context.get_constant(types.intp, _ITEM_BYTES)
        populate_array(
            view,
            data=builder.gep(array.data, [first]),
            shape=cgutils.pack_array(builder, [builder.sub(last, first)]),
            strides=cgutils.pack_array(builder, [item]),
            itemsize=item,
            meminfo=None,
        )
        return view._getvalue()

    return signature, generate
