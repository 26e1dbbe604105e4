"""The hub's workflow as a pure table: states, edges, guards, due times. No SQL, no HTTP, no clock."""
