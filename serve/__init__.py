"""The hub: the HTTP door, the queue, the people and the console."""
