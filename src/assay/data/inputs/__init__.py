"""Inputs other than prices: the economic calendar, sentiment, order books, with known times."""

from assay.data.inputs.importing import import_input, recognise_input
from assay.data.inputs.recognised import ImportedInput, InputFormat, RecognisedInput
from assay.data.inputs.storing import StoredInput, store_input

__all__ = [
    "ImportedInput",
    "InputFormat",
    "RecognisedInput",
    "StoredInput",
    "import_input",
    "recognise_input",
    "store_input",
]
