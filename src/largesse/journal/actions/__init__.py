"""What can be done to the journal: append, and acknowledge."""
