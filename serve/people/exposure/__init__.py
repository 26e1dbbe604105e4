"""The exposure budget: how much of what can harm a reader one person reads in a shift, for their eyes alone.

`policy` reads the dated numbers, `shift` has the shapes, `budget` works a standing out of them (all pure);
`readings`, `breaks`, `preferences` and `standings` keep and read the tables; `outside_cases` is for texts
that are read at another desk than that of the cases; `team` gives figures of a whole week and at least five
people.
"""
