"""Choose an embedder by its name. Reads no environment."""

from typing import TYPE_CHECKING

from engine.embedders.embedder import Embedder
from engine.embedders.hashed import HashedEmbedder
from engine.embedders.local import LocalEmbedder
from engine.errors import BadSetting
from engine.settings import Settings, embed_key

if TYPE_CHECKING:
    from engine.embedders.remote import RemoteEmbedder

_BY_NAME: dict[str, type[Embedder]] = {"hashed": HashedEmbedder, "local": LocalEmbedder}
_REMOTE = ("ollama", "openai", "vertex")


def open_embedder(name: str) -> Embedder:
    """The embedder called `hashed` or `local`; reads no weights yet."""
    embedder = _BY_NAME.get(name)
    if embedder is None:
        known = sorted((*_BY_NAME, *_REMOTE))
        raise BadSetting(f"embedder {name!r}: unknown; there are {', '.join(known)}")
    return embedder()


def chosen_embedder(settings: Settings) -> Embedder:
    """The embedder that the settings name, a provider's not yet asked for anything."""
    if settings.embedder in _REMOTE:
        return _remote(settings)
    return open_embedder(settings.embedder)


def _remote(settings: Settings) -> "RemoteEmbedder":
    # Imported late: most have no provider.
    from engine.embedders.google_tokens import MetadataServer, ServiceAccount  # noqa: PLC0415
    from engine.embedders.ollama import OLLAMA_URL, OllamaEmbedder  # noqa: PLC0415
    from engine.embedders.openai import OPENAI_URL, OpenAIEmbedder  # noqa: PLC0415
    from engine.embedders.remote import CallLimits, Phrasing  # noqa: PLC0415
    from engine.embedders.vertex import DOCUMENTS, QUESTIONS, VertexEmbedder  # noqa: PLC0415

    url, model, dimension = settings.embed_url, settings.embed_model, settings.embed_dimension
    before_document = settings.embed_document_prefix
    before_question = settings.embed_question_prefix
    limits = CallLimits(settings.embed_concurrency, settings.embed_timeout_seconds)
    if settings.embedder == "vertex":
        path = settings.google_credentials
        return VertexEmbedder(
            url,
            model,
            credentials=ServiceAccount(path) if path else MetadataServer(),
            dimension=dimension,
            documents=Phrasing(before_document, DOCUMENTS.task),
            questions=Phrasing(before_question, QUESTIONS.task),
            limits=limits,
        )
    is_ollama = settings.embedder == "ollama"
    kind = OllamaEmbedder if is_ollama else OpenAIEmbedder
    return kind(
        url or (OLLAMA_URL if is_ollama else OPENAI_URL),
        model,
        key=embed_key(),
        dimension=dimension,
        documents=Phrasing(before_document),
        questions=Phrasing(before_question),
        limits=limits,
    )
