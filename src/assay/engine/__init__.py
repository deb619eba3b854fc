"""One pure step from event to orders, and the loops that drive it over history or live."""
