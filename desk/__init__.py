"""What people keep for themselves and each other: saved views, and notes on moments."""
