"""One ``assay.toml`` becomes typed, frozen, valid settings."""
