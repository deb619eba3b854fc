"""What made a trade's profit, why a decision fell as it did, and what each source is worth."""
