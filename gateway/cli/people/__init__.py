"""Commands on people: who they are, what suppresses them, their history."""
