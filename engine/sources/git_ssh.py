"""How ssh is run for git: it asks nobody, forwards nothing and runs nothing of its own."""

import os
import shlex
import shutil
from collections.abc import Sequence

from engine.sources.errors import SourceMissing
from engine.sources.git_credentials import SshKey
from engine.sources.git_url import Remote

# The first word about an option wins, so these hold whatever a file of settings says.
_OPTIONS = (
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "UpdateHostKeys=no",
    "ForwardAgent=no",
    "ForwardX11=no",
    "ClearAllForwardings=yes",
    "PermitLocalCommand=no",
    "Tunnel=no",
    "RequestTTY=no",
    # A transfer that has stopped ends also when nobody is left to end it.
    "ConnectTimeout=30",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=4",
)


def ssh_command(remote: Remote, key: SshKey | None, addresses: Sequence[str] = ()) -> str:
    """The value of GIT_SSH_COMMAND, which a shell reads.

    With a key, that key and nothing else of the user: no other keys, agent, settings or known
    hosts. Without one, ssh as its user has set it up. `addresses` were checked: the first
    is asked, and its key has to be that of the host.
    """
    options = list(_OPTIONS)
    if addresses:
        name = remote.host.strip("[]")
        alias = name if remote.port == 22 else f"[{name}]:{remote.port}"
        # A way by another host would look the name up once more, and there.
        options += ["ProxyJump=none", "ProxyCommand=none", "ControlPath=none"]
        options += [f"HostName={addresses[0]}", f"HostKeyAlias={alias}"]
    words = [_program()]
    if key is not None:
        words += ["-F", os.devnull]
        options += [
            # Not -i: without a file there, ssh would try the keys of the user instead.
            f"IdentityFile={key.path}",
            "IdentitiesOnly=yes",
            "IdentityAgent=none",
            "PreferredAuthentications=publickey",
            f"UserKnownHostsFile={key.known_hosts}",
            f"GlobalKnownHostsFile={os.devnull}",
        ]
    return shlex.join([*words, *(f"-o{option}" for option in options)])


def _program() -> str:
    # A relative entry of PATH could make it a file of whatever folder we are in.
    program = shutil.which("ssh")
    if program is None or not os.path.isabs(program):
        raise SourceMissing("ssh is not installed: it is needed for URLs with ssh, or use https")
    return program
