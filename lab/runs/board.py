"""TensorBoard events beside the JSONL, so that `tensorboard --logdir runs` shows every run."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

# Record and message classes only: tensorboard's own writer adds a thread and a queue for each run.
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

NAME = "events.out.tfevents"


class Board:
    """An events file; what an earlier one of the same run says of rounds after `start` is void."""

    def __init__(self, at: Path, start: int) -> None:
        # TensorBoard reads them in the order of their names, also after somebody has set the clock back
        numbers = [path.name.split(".")[3] for path in at.glob(f"{NAME}.*.genlab")]
        last = max((int(n) for n in numbers if n.isascii() and n.isdecimal()), default=0)
        self.path = at / f"{NAME}.{max(time.time_ns(), last + 1)}.genlab"
        self._write(file_version="brain.Event:2")
        self._write(step=start, session_log=SessionLog(status=SessionLog.START))

    def _write(self, **event: Any) -> None:
        with self.path.open("ab") as file:  # and closed again, because a worker may host many runs
            RecordWriter(file).write(Event(wall_time=time.time(), **event).SerializeToString())

    def row(self, row: dict[str, Any]) -> None:
        numbers = [(k, v) for k, v in row.items() if k != "round" and not isinstance(v, list)]
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in numbers]
        self._write(step=row["round"], summary=Summary(value=values))
