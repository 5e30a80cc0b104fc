"""What the definitions of modules say beside what can be imported from them."""

TYPE = "type "
"""Begins the names by which a module tells its readers of the types that it imports.

No import can ask for such a name. The symbol says where the type comes from, as the module
writes it, and the re-export where that leads.
"""

SYNTAX_ERROR = "syntax error"
"""The detail of a definition whose module could not be parsed to its end."""

# What a module passes on from one that is no path, with where that comes from.
PASSED = "passed "
