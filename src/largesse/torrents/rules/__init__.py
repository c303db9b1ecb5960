"""Rules of the index: what a listing may say, each rule with its sentence."""
