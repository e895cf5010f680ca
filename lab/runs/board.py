"""TensorBoard events beside the JSONL, so that `tensorboard --logdir runs` shows every run."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

# Record and message classes only: tensorboard's own writer adds a thread and a queue for each run.
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter


class Board:
    """An events file; what an earlier one of the same run says of rounds after `start` is void.

    The file is opened for each row and closed again, for a worker may host many runs.
    """

    def __init__(self, at: Path, start: int) -> None:
        now = time.time()
        self.path = at / f"events.out.tfevents.{time.time_ns()}.genlab"
        self._write(Event(wall_time=now, file_version="brain.Event:2"))
        began = SessionLog(status=SessionLog.START)
        self._write(Event(wall_time=now, step=start, session_log=began))

    def _write(self, event: Event) -> None:
        with self.path.open("ab") as file:
            RecordWriter(file).write(event.SerializeToString())

    def row(self, row: dict[str, Any]) -> None:
        numbers = {k: v for k, v in row.items() if k != "round" and not isinstance(v, list)}
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in numbers.items()]
        self._write(Event(wall_time=time.time(), step=row["round"], summary=Summary(value=values)))
