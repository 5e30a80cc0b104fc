"""The structure of a text that is read line by line instead of being parsed."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Outline:
    """A part of a text and the parts inside it, in order; chunked like a syntax node."""

    type: str
    start_byte: int
    end_byte: int
    children: list["Outline"] = field(default_factory=list)
