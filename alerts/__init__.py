"""Alerts: rules, their states, who mutes them, and what is told to people by which ways."""
