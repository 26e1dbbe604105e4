"""Label Studio: tasks in JSON, its flat JSON_MIN, and the labeling config that goes with our tasks."""
