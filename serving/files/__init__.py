"""Model files: what stands in their headers, which there are, and how much memory each needs."""
