"""Payment providers behind one small interface; no provider knows the database."""
