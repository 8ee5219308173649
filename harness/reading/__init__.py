"""Files from outside, read within limits: what is too long, too deep or too much is refused with its name, not read into memory."""
