"""Values every app may use; nothing here knows Django."""
