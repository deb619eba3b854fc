"""What to do about a leak, by the check that found it."""

from collections.abc import Mapping

from assay.research.leaks.evidence import Check

REMEDIES: Mapping[Check, str] = {
    "truncate": "Let value i read bars 0..i only: no negative shift, no statistic of the whole "
    "column, no longer bar before its close, no filling backwards.",
    "poison": "Let value i read bars 0..i only; where it does, keep one bad later value from "
    "spreading back, as a Fourier transform spreads it.",
    "shift": "Compute means, deviations, ranks and extremes over a trailing window, never over "
    "the whole column.",
    "repeat": "Give every random number generator a fixed seed, and keep nothing between calls: no "
    "counter, no list that grows.",
    "warm_up": "Raise warm_up until the trailing bars alone give the value: a recursive average "
    "needs about 8 times its span.",
    "purge": "Drop learning rows whose label touches a judged one, as "
    "assay.research.splits.purged does.",
    "embargo": "Drop learning rows that start within the embargo after a judged block.",
    "canary": "Do not shuffle overlapping labels into folds; cut time into blocks, and purge.",
    "unseen": "Fit on the learning rows alone: scale, select and weigh inside the fold.",
    "unread": "Fit it on the rows that were held out for it.",
}
REMEMBERS = (
    "Compute every value from the bars at hand, and keep nothing outside: what stands in sys, in "
    "builtins or in another module outlives the file."
)
FIT = "Fit on what had ended before the first judged bar: scale, select and weigh on those rows."
