"""The migrations' statements."""
