"""The chance by which pauses differ, so that processes do not act at the same moment."""

from random import SystemRandom

# Not the generator of the `random` module: its state is the program's that we run in, who
# may have seeded it to draw the same again, and two processes that are forked share it.
CHANCE = SystemRandom()
