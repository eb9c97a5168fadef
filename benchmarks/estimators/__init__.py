"""The estimators beside scikit-learn's: error, time and memory on tables, and on rows by the million."""
