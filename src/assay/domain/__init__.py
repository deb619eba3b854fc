"""Frozen nouns of trading. Standard library only; imports nothing else of Assay."""
