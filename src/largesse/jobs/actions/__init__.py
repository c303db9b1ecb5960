"""What a person can do to a job that gave up: have it tried again, or drop it."""
