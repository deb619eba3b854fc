"""The search of risk settings on the compiled engine, for one fixed stream of views."""
