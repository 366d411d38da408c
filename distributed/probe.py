"""Whether this machine sees the storage that the client wrote to: the client leaves a file with a number that nobody else
knows, and each worker must read it back before it writes anything."""

import os
import socket
from pathlib import Path

from problem import MoatError


def check_probe() -> None:
    """@throws MoatError `storage-not-shared`"""
    file, nonce = os.environ.get("MOAT_PROBE_FILE"), os.environ.get("MOAT_PROBE_NONCE")
    if file is None or nonce is None:
        return  # the client does not see the storage itself
    try:
        found = Path(file).read_text()
    except OSError as error:
        found = error.strerror
    if found != nonce:
        raise MoatError(
            "storage-not-shared",
            f"{Path(file).parent}: the machine {socket.gethostname()} of the cluster does not see this folder",
            "Give --storage a folder that this machine and all workers see, or a URI such as s3://BUCKET/runs.",
        )
