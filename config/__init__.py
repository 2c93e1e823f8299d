"""Settings: one typed, closed class; command line over environment over file."""
