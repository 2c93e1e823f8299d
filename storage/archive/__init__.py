"""The archive: rollups, flat rows and events in SQL."""
