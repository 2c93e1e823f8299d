"""History of the state tables: people, login sessions, tokens, audit."""
