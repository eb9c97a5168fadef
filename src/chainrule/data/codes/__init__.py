"""How the cells of one column become units, the inputs of a network: one record for each kind of column."""
