"""A scheduler that talks to nobody without a certificate of its authority's."""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import work_for_executors as work
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from benchmarks.dask_cluster import dask_cluster
from engine import Settings
from engine.errors import ExecutorFailed
from engine.executors.choosing import chosen_executor

pytestmark = pytest.mark.long
pytest.importorskip("distributed", reason="the extra `dask` is not installed")


def _certificate(folder: Path, name: str) -> tuple[str, str]:
    """A certificate that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    loopback = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(loopback, critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / f"{name}.pem", folder / f"{name}.key"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(paths[0]), str(paths[1])


async def test_only_who_shows_a_certificate_of_the_authority_is_served(tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path, "ours")
    other, other_key = _certificate(tmp_path, "strangers")
    options = (
        "--protocol", "tls", "--tls-ca-file", certificate, "--tls-cert", certificate,
        "--tls-key", key,
    )  # fmt: skip
    with dask_cluster(1, options=options) as cluster:
        assert cluster.address.startswith("tls://")
        ours = Settings(
            executor=cluster.address, executor_ca=certificate, executor_cert=certificate,
            executor_key=key,
        )  # fmt: skip
        strangers = Settings(
            executor=cluster.address, executor_ca=certificate, executor_cert=other,
            executor_key=other_key,
        )  # fmt: skip
        opened, refused = chosen_executor(ours), chosen_executor(strangers)
        assert opened is not None
        assert refused is not None
        async with opened() as executor:
            assert await executor.run(work.square, 3) == 9
        with pytest.raises(ExecutorFailed, match="no Dask scheduler"):
            async with refused():
                pass
