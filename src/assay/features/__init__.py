"""Each feature once: name, step, warm-up; the catalogue; joins on the known time."""
