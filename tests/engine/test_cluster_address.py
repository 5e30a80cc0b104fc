"""Where a cluster is, and whether it may be spoken to."""

import pytest

from engine import BadSetting, Settings
from engine.cluster_address import cluster_address


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("dask://127.0.0.1:8786", "tcp://127.0.0.1:8786"),
        ("dask://localhost:8786", "tcp://localhost:8786"),
        ("dask://[::1]:8786", "tcp://[::1]:8786"),
        ("tls://scheduler.example:8786", "tls://scheduler.example:8786"),
    ],
)
def test_an_address_is_written_as_dask_writes_it(text: str, url: str) -> None:
    assert cluster_address(text, unsecured=False).url == url


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1:8786", "tcp://127.0.0.1:8786", "dask://127.0.0.1", "dask://:8786",
        "dask://127.0.0.1:port", "dask://127.0.0.1:99999", "dask://127.0.0.1:8786/path",
        "dask://127.0.0.1:8786?query", "dask://user:secret@127.0.0.1:8786", "dask://[::1:8786",
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_scheduler_is_refused(text: str) -> None:
    with pytest.raises(BadSetting) as refused:
        cluster_address(text, unsecured=True)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("host", ["10.0.0.5", "scheduler", "0.0.0.0", "[2001:db8::1]"])
def test_another_host_without_certificates_has_to_be_allowed(host: str) -> None:
    text = f"dask://{host}:8786"
    with pytest.raises(BadSetting, match="runs code where it likes"):
        Settings(executor=text)
    assert Settings(executor=text, executor_unsecured=True).executor == text


def test_certificates_are_needed_where_they_are_to_be_shown() -> None:
    with pytest.raises(BadSetting, match="executor_ca"):
        Settings(executor="tls://scheduler:8786")
    Settings(executor="tls://scheduler:8786", executor_ca="ca.pem", executor_cert="cert.pem")


@pytest.mark.parametrize(("text", "on"), [("", False), ("typo", False), ("0", False), ("1", True)])
def test_what_is_not_clearly_on_keeps_an_unsecured_scheduler_from_being_spoken_to(
    text: str, on: bool
) -> None:
    environment = {"WIDTHWISE_EXECUTOR_UNSECURED": text}
    assert Settings.from_environment(environment).executor_unsecured is on
