"""What can be done to accounts."""
