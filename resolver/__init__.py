"""What depends on what, and in which order. Pure: no I/O, no await."""
