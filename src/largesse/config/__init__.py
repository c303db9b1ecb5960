"""Every setting of the program: what each may be, which there are, where their values come from."""
