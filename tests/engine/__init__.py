"""A real llama.cpp engine for the tests: its own HTTP server out of a prebuilt wheel, and tiny models for it."""
