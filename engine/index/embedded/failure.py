"""What the embedded Postgres raises."""

from engine.errors import WidthwiseError


class EmbeddedPostgresError(WidthwiseError):
    """The embedded Postgres cannot serve: one line that says where, what, and what to do."""


ELSEWHERE = "set WIDTHWISE_HOME to another folder, or WIDTHWISE_DSN to a Postgres of your own"
