"""Model servers: one adapter per engine, how they are recognised, found on this machine and read."""
