"""Market data: import, quality, the Parquet catalogue, bars, the calendar, the simulated market."""
