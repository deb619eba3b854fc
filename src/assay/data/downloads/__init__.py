"""Downloads of market history: polite requests, partial work kept, sources by name."""
