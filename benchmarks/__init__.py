"""Times training and prediction side by side with other libraries: ``python -m benchmarks``; docs/performance.md tells how."""
