"""A folder beside the runs by which an actor of a cluster knows that its machine sees them."""

from __future__ import annotations

import socket
from pathlib import Path

from engine.config import Refused
from lab.runs.lock import holder

SHARE = "Mount the folder of the runs there, too, or set GENLAB_HOME to one that all machines share."


def look(sign: Path) -> None:
    """See whether an actor's machine has the folder of the runs: there the server holds the folder `sign`.
    Raises `Refused`."""
    where = f"Machine {socket.gethostname()} of the cluster"
    if not (sign / "lock").exists():
        raise Refused(f"{where} does not see the folder {sign.parent}. {SHARE}")
    if not holder(sign):
        why = f"{where} does not see what this one has locked in {sign.parent}, so two could train one run."
        raise Refused(f"{why} Mount it with locks: NFS 4, and no option nolock or local_lock.")
    try:
        (sign / "seen").touch()
    except OSError as error:
        raise Refused(f"{where} cannot write into {sign.parent}: {error.strerror}. Allow that.") from error
