"""History of the archive's tables."""
