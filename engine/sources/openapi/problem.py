"""What is wrong with one document. The others of its catalogue don't notice."""


class DocumentProblem(Exception):
    """The document can't be used; the message says why, and does not change by itself."""
