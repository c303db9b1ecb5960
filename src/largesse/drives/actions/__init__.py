"""What can be done with drives and gifts, one verb a file."""
