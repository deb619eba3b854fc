"""Splits that let nothing leak."""
