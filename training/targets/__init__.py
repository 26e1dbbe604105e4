"""What is evaluated: anything that gives texts scores, opened from one word of the command line."""

from training.targets.opening import open_target

__all__ = ["open_target"]
