"""Load tests: bounded, measured at the model server itself by a process of their own."""
