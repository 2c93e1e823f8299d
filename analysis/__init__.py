"""Pure functions on arrays: rates, aggregates, comparisons, statistics, and what else moved."""
