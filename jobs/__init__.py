"""Long work in a small pool: progress, cancel, result."""
