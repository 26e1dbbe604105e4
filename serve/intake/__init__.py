"""Posts coming in: durable before they are acknowledged."""
