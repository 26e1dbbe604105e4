"""The append-only event log: one event for every change of state, in the same transaction."""
