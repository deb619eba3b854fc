"""The same call on one core, on all cores, or on a Dask cluster, with the same results."""
