"""Models served: files, processes, and the measuring proxies, which live in a process of their own."""
