"""Pictures and archives of them, for tests of what users bring."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

from PIL import Image


def png(shade: int = 100, size: tuple[int, int] = (8, 8)) -> bytes:
    """A grey picture."""
    content = io.BytesIO()
    Image.new("L", size, shade).save(content, "PNG")
    return content.getvalue()


def packed(files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return content.getvalue()
