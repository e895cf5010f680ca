"""Files that a visitor uploads: read in a process of their own, stored, and then forgotten by Streamlit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

from engine import data
from lab.decode import decode
from lab.runs import store

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile


def keep_upload(kind: str, file: UploadedFile) -> str:
    """Store what a visitor brings, a "csv", "images", a "photo" or a mask that is "painted", and return the
    name of the data. Raises `Refused`."""
    array = read_upload({"csv": "table", "painted": "photo"}.get(kind, kind), file)
    if kind == "csv":
        return data.keep_points(array, kind, store.home())
    if kind == "painted":
        return data.keep_mask(array, store.home())
    return data.keep(kind, {"x": array}, store.home())


def read_upload(kind: str, file: UploadedFile) -> np.ndarray:
    """The array in this file (engine/brought), of which Streamlit's own copy goes: it would stay as long as
    the page is open. Raises `Refused`."""
    try:
        return decode(kind, file.getvalue(), file.name)
    finally:
        context = get_script_run_ctx()
        if context and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
            context.uploaded_file_mgr.remove_file(context.session_id, file.file_id)
