"""One joint, nested, resumable search over labels, features, models, fusion and risk."""
