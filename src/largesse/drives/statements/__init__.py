"""
Bank statements: one reader for each format, one value for what they say.

Two payments of one amount on one day by one person are two payments: a line is known by its place (account, statement, entry,
detail), never by what it says. Reading one file twice gives the same keys, so nothing is booked twice.
"""
