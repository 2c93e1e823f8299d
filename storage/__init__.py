"""Ring (hot, raw), archive (SQL rollups), writer, query: the one way to read."""
