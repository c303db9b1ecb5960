"""What can be done to the books: post, and reverse."""
