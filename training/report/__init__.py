"""The report of an evaluation: its checked shape, what others published, and the page people read."""
