"""Importers: files from terminals, vendors and other programs become bars and ticks."""

from assay.data.importers.imported import Imported
from assay.data.importers.importing import import_file, recognise
from assay.data.importers.layout import Format, Recognised

__all__ = ["Format", "Imported", "Recognised", "import_file", "recognise"]
