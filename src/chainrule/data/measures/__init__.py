"""What arrays show before any training: columns that say nothing or the same, rows that repeat, a target that is given away.

Plain functions of arrays, rows first, used for warnings before training and for the diagnosis of a run. None of them depends on the scale
of a column.
"""
