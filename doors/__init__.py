"""Groups of commands behind the front door; like it, they open a room only when it is asked for."""
