"""Compiled functions on plain arrays that know no trading object."""
