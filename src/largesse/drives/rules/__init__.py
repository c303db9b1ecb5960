"""Rules of the fund that decide without the database."""
