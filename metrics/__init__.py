"""The vocabulary every room shares: metrics, labels, samples, series, units, Prometheus text."""
