"""The log as JSON, one object a line, for machines that collect it: time, level, what, and where they are
known the run and the beginning of the visitor's mark. It has nobody's name and nobody's address."""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime

SETTING = "GENLAB_LOG"  # tells the workers


class Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        told = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "from": record.name,
            "what": record.getMessage(),
        }
        about = {"run": getattr(record, "run", ""), "visitor": getattr(record, "visitor", "")[:8]}
        told |= {name: value for name, value in about.items() if value}
        if record.exc_info:
            told["error"] = self.formatException(record.exc_info)
        return json.dumps(told)


def choose(kind: str) -> None:
    """Say how this process and the workers that it starts write their logs: "plain" or "json"."""
    os.environ[SETTING] = kind


def told() -> bool:
    """Whether that is JSON."""
    return os.environ.get(SETTING) == "json"


def as_told() -> None:
    """Write the log of this process so."""
    if not told():
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("lab").setLevel(logging.INFO)
    logging.captureWarnings(True)
    for name in list(logging.root.manager.loggerDict):
        join(logging.getLogger(name))


def join(logger: logging.Logger) -> None:
    """Let a logger that writes for itself write with all others."""
    logger.handlers.clear()
    logger.propagate = True
