"""Forecasters behind one estimator interface, one ensemble, calibration, safe artifacts."""
