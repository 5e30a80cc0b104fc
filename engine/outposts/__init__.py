"""Visits on other hosts: what they are told, what they hold, and who sends them."""

from engine.outposts.briefing import Briefing, Seen, Terms, Visited, can_travel, name_of
from engine.outposts.repeatable import RepeatableWorking
from engine.outposts.visiting import ParsedAway, visit_all_away

__all__ = [
    "Briefing",
    "ParsedAway",
    "RepeatableWorking",
    "Seen",
    "Terms",
    "Visited",
    "can_travel",
    "name_of",
    "visit_all_away",
]
