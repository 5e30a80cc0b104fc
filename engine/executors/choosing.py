"""The executor on other hosts that the settings name. Opens nothing."""

from functools import partial

from engine.cluster_address import cluster_address
from engine.executors.executor import Elsewhere
from engine.extras import require_dask
from engine.settings import Settings


def chosen_executor(settings: Settings) -> Elsewhere | None:
    """What opens it; `None` if files are to be visited here. `ExtraMissing` without Dask."""
    if not settings.executor:
        return None
    require_dask()
    from distributed import Security  # noqa: PLC0415 - an extra, and half a second

    from engine.executors.dask import dask_executor  # noqa: PLC0415 - the same

    address = cluster_address(settings.executor, unsecured=settings.executor_unsecured)
    security = None
    if address.is_secured:
        security = Security(
            require_encryption=True,
            tls_ca_file=settings.executor_ca,
            tls_client_cert=settings.executor_cert,
            tls_client_key=settings.executor_key or None,
        )
    return partial(dask_executor, address.url, security=security)
