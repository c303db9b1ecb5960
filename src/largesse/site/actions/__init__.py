"""What can be done to the site itself."""
