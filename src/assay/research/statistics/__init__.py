"""Statistics of evidence: each formula with its convention, its source and a published example."""
