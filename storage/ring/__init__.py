"""The ring: fixed-size arrays of (step number, value) cells, addressed by time. Contract in `base`."""
