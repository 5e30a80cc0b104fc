"""What git is told by its environment, so that nothing of a repository or a user's setup runs."""

import os
import shutil
from collections.abc import Sequence

from engine.sources.errors import SourceMissing
from engine.sources.git_credentials import SshKey
from engine.sources.git_ssh import ssh_command
from engine.sources.git_url import Remote

# What of our own environment git may see: the way to the network, and nothing of a user.
_PASSED_ON = frozenset(
    {"PATH", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO"}
    | {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}
    | {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}
)
_PASSED_ON_FOR_SSH = frozenset({"HOME", "SSH_AUTH_SOCK", "USER", "LOGNAME"})

_ENVIRONMENT = {
    "GIT_ASKPASS": "",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_SSH_VARIANT": "ssh",
    "GIT_TERMINAL_PROMPT": "0",
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "SSH_ASKPASS": "",
    "SSH_ASKPASS_REQUIRE": "never",
}

# No file of a repository is ever written out, so that attributes, filters, line ends and
# names have nothing to act on; what remains are programs that git itself would start.
_SETTINGS = (
    ("core.attributesFile", os.devnull),
    # Larger blobs go through memory in pieces, when they come and when they are read.
    ("core.bigFileThreshold", "16m"),
    ("core.fsmonitor", "false"),
    ("core.hooksPath", os.devnull),
    ("core.excludesFile", os.devnull),
    ("credential.helper", ""),
    ("fetch.recurseSubmodules", "false"),
    ("fetch.unpackLimit", "1"),
    ("gc.auto", "0"),
    ("gc.autoDetach", "false"),
    ("http.followRedirects", "false"),
    # A transfer that has all but stopped ends also when nobody is left to end it.
    ("http.lowSpeedLimit", "100"),
    ("http.lowSpeedTime", "60"),
    ("maintenance.auto", "false"),
    ("protocol.allow", "never"),
    # The folder may lie on a disk where it seems to be somebody else's.
    ("safe.directory", "*"),
    ("submodule.recurse", "false"),
)


def git_program() -> str:
    # A relative entry of PATH could make it a file of whatever folder we are in.
    program = shutil.which("git")
    if program is None or not os.path.isabs(program):
        raise SourceMissing("git is not installed: repositories need its command line")
    return program


def git_environment(
    remote: Remote | None = None,
    *,
    header: str = "",
    key: SshKey | None = None,
    addresses: Sequence[str] = (),
) -> dict[str, str]:
    """For commands that may ask `remote` and nobody else, or nobody.

    `header` goes to the URL of the remote alone; it stands in the environment because argv
    and configuration files are read by others. `addresses`, which were checked, are those
    that its host name means, whatever the name server says the next time. With `key`, ssh
    sees nothing else of the user.
    """
    settings = list(_SETTINGS)
    kept, told = _PASSED_ON, dict(_ENVIRONMENT)
    if remote is not None:
        settings.append((f"protocol.{remote.transport}.allow", "always"))
        if header:
            settings.append((f"http.{remote.url}.extraHeader", header))
        if addresses:
            joined = ",".join(addresses)
            settings.append(("http.curloptResolve", f"{remote.host}:{remote.port}:{joined}"))
        if remote.transport == "ssh":
            told["GIT_SSH_COMMAND"] = ssh_command(remote, key, addresses)
            kept |= _PASSED_ON_FOR_SSH if key is None else frozenset()
    own = {name: value for name, value in os.environ.items() if name in kept}
    return told | own | _numbered(settings)


def _numbered(settings: Sequence[tuple[str, str]]) -> dict[str, str]:
    numbered = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (name, value) in enumerate(settings):
        numbered[f"GIT_CONFIG_KEY_{number}"] = name
        numbered[f"GIT_CONFIG_VALUE_{number}"] = value
    return numbered
