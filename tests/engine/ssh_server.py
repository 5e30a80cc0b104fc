"""An sshd on loopback with a host key of its own, which lets one key in as who runs the tests."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SSHD = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
MISSING = "there is no sshd or ssh-keygen" if not (SSHD and shutil.which("ssh-keygen")) else ""

CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
PidFile {folder}/pid
AuthorizedKeysFile {folder}/authorized
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
AllowTcpForwarding no
"""


@dataclass(frozen=True, slots=True)
class SshServer:
    """`key` is let in; `known_hosts` knows the server and `stranger` another one in its place."""

    port: int
    key: Path
    other_key: Path
    known_hosts: Path
    stranger: Path
    log: Path

    def url(self, folder: Path, host: str = "127.0.0.1") -> str:
        return f"ssh://{host}:{self.port}{folder}/.git"


def _keygen(path: Path, *options: str) -> str:
    arguments = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", *options, "-f", path]
    subprocess.run(arguments, check=True)
    return path.with_suffix(".pub").read_text().strip()


@contextmanager
def ssh_server(folder: Path) -> Iterator[SshServer]:
    """Listens for the length of the block: the socket is open before the first client comes."""
    folder.mkdir()
    host, key = _keygen(folder / "host_key"), _keygen(folder / "key")
    _keygen(folder / "other_key")
    (folder / "authorized").write_text(f"restrict {key}\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = SshServer(
        port, folder / "key", folder / "other_key", folder / "known_hosts", folder / "stranger",
        folder / "log",
    )  # fmt: skip
    server.known_hosts.write_text(f"[127.0.0.1]:{port},[git.example.org]:{port} {host}\n")
    stranger = (folder / "other_key.pub").read_text()
    server.stranger.write_text(f"[127.0.0.1]:{port} {stranger}")
    config = folder / "config"
    config.write_text(CONFIG.format(port=port, folder=folder))
    if os.getuid() == 0:
        # As root it separates its privileges, and wants an empty place for that.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    assert SSHD is not None
    process = subprocess.Popen([SSHD, "-D", "-f", config, "-E", server.log])
    try:
        _wait_until_it_listens(process, server)
        yield server
    finally:
        process.terminate()
        process.wait(10)


def _wait_until_it_listens(process: "subprocess.Popen[bytes]", server: SshServer) -> None:
    late = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < late:
        try:
            socket.create_connection(("127.0.0.1", server.port), 1).close()
        except ConnectionRefusedError:
            continue
        return
    raise AssertionError(server.log.read_text())
