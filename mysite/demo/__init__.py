"""`make demo`: the whole service on real input, and a check of every promise about what it leaves behind."""
