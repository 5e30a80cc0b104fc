"""Choose an embedder by its name. Reads no environment."""

from engine.embedders.embedder import Embedder
from engine.embedders.hashed import HashedEmbedder
from engine.embedders.local import LocalEmbedder
from engine.errors import BadSetting

_BY_NAME: dict[str, type[Embedder]] = {"hashed": HashedEmbedder, "local": LocalEmbedder}


def open_embedder(name: str) -> Embedder:
    """The embedder called `hashed` or `local`; reads no weights yet."""
    embedder = _BY_NAME.get(name)
    if embedder is None:
        raise BadSetting(f"embedder {name!r}: unknown; there are {', '.join(sorted(_BY_NAME))}")
    return embedder()
