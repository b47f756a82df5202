"""People: erasing them, and giving out all that is held of one."""
