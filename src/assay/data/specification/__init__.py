"""Broker facts: a symbol's specification as the venue shows it, read, checked, dated and stored."""
