"""What can be done to listings: list, edit, withdraw and list again."""
