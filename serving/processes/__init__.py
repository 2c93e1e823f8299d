"""Model processes: started, watched, bounded, stopped, found again. See `serving.processes.supervisor`."""
