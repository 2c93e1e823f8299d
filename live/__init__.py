"""The hub: what has just been written, to whoever listens; and the events of the day."""
