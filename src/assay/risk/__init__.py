"""Sizing, stops and limits; the only maker of an approved order."""
