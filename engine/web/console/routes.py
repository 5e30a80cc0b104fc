"""Which address of the console is which page or button."""

from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.web.console import actions, pages

MEDIA = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
STATIC = {
    file.name: (file.read_bytes(), MEDIA[file.name.rpartition(".")[2]])
    for file in files("engine.web.console").joinpath("static").iterdir()
}


async def static(request: Request) -> Response:
    content, media = STATIC.get(request.path_params["name"], (b"", ""))
    if not media:
        return Response(status_code=404)
    return Response(content, media_type=media, headers={"Cache-Control": "no-cache"})


def _post(path: str, endpoint: object) -> Route:
    return Route(path, endpoint, methods=["POST"])  # type: ignore[arg-type]


ROUTES = (
    Route("/", pages.show_realms),
    Route("/static/{name}", static),
    Route("/console/login", pages.show_login, methods=["GET"]),
    _post("/console/login", actions.log_in),
    _post("/console/logout", actions.log_out),
    _post("/console/realms", actions.add_repository),
    _post("/console/realms/{name:path}/index", actions.index_realm),
    _post("/console/realms/{name:path}/pause", actions.pause_realm),
    _post("/console/realms/{name:path}/resume", actions.resume_realm),
    Route("/console/realms/{name:path}", pages.show_realm),
    Route("/console/jobs", pages.show_jobs),
    Route("/console/jobs/{id:int}", pages.show_job),
    _post("/console/jobs/{id:int}/cancel", actions.cancel_job),
    _post("/console/jobs/{id:int}/retry", actions.retry_job),
    Route("/console/search", pages.search),
    Route("/console/file", pages.show_file),
)
