"""What the embedded Postgres raises."""


class EmbeddedPostgresError(RuntimeError):
    """The embedded Postgres cannot serve: one line that says where, what, and what to do."""


ELSEWHERE = "set WIDTHWISE_HOME to another folder, or WIDTHWISE_DSN to a Postgres of your own"
