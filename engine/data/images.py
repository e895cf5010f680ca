"""Pictures that users bring: in a folder, or in a zip file that is never unpacked to disk."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError

from engine.config import Refused
from engine.data.builtin import divided
from engine.data.dataset import Dataset
from engine.data.keep import keep, kept
from engine.space import Space

MB = 1_000_000
MOST_BYTES = 10 * MB  # of a zip file, and of one picture
MOST_UNPACKED = 100 * MB  # of all pictures in a zip file
MOST_PIXELS = 20 * MB  # of one picture
MOST_PIXELS_TOGETHER = 500 * MB  # of all pictures in a zip file
FEWEST, MOST = 10, 20_000
GREY, COLOUR = (28, 28), (32, 32)
OTHERS = {  # kinds of file by their first bytes
    b"GIF8": "a GIF", b"BM": "a BMP", b"II*\0": "a TIFF", b"MM\0*": "a TIFF", b"ftyphei": "a HEIC",
    b"ftypmif1": "a HEIC", b"ftypavi": "an AVIF", b"%PDF": "a PDF", b"<svg": "an SVG",
}  # fmt: skip
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}


def keep_images(source: Path | str | bytes, home: Path | None = None) -> str:
    """Store pictures (PNG, JPEG, WebP) and return the name for `load`. Raises `Refused`.

    `source` is a folder, a zip file, or the bytes of a zip file. Pictures are turned upright, cropped to a
    centred square, and become 28 x 28 in grey, or 32 x 32 in colour if any of them has colour.
    """
    if not isinstance(source, bytes) and Path(source).is_dir():
        files, budget = _folder(Path(source)), float("inf")
    else:
        files, budget = _zip(source), MOST_PIXELS_TOGETHER
    grey, colour = [], []
    for name, content in files:
        what = repr(name[-60:])
        with opened(what, content) as image:
            budget -= image.width * image.height
            if budget < 0:
                raise Refused("The pictures have more than 500 megapixels together; make them smaller.")
            image = flat(what, image)
        colour.append(np.asarray(ImageOps.fit(image, COLOUR)))
        grey.append(np.asarray(ImageOps.fit(image, GREY).convert("L")))
    if len(grey) < FEWEST:
        raise Refused(f"There are only {len(grey)} pictures; bring {FEWEST} or more PNG, JPEG or WebP files.")
    pixels = np.stack(colour)
    coloured = (np.ptp(pixels.astype(np.int16), axis=-1) > 8).any()
    x = pixels.transpose(0, 3, 1, 2) if coloured else np.stack(grey)[:, None]
    return keep("images", {"x": x}, home)


def load_images(name: str, home: Path) -> Dataset:
    """The data that `keep_images` has stored as `name`."""
    x = torch.from_numpy(kept(name, home)["x"])
    how = "32 x 32 in colour" if x.shape[1] == 3 else "28 x 28 in grey"
    return divided(
        x,
        name=name,
        title="Your pictures",
        space=Space.of(tuple(x.shape[1:])),
        note=f"{len(x)} pictures, cropped to a centred square and resized to {how}.",
    )


def _folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    paths = sorted(p for p in folder.rglob("*") if _wanted(p.relative_to(folder).as_posix()))
    if len(paths) > MOST:
        raise Refused(f"The folder holds {len(paths):,} pictures; bring at most {MOST:,}.")
    for path in paths:
        if path.is_symlink() or not path.is_file():
            continue
        if path.stat().st_size > MOST_BYTES:
            raise Refused(f"{path.name!r} is larger than 10 MB; make it smaller.")
        yield path.name, path.read_bytes()


def _zip(source: Path | str | bytes) -> Iterator[tuple[str, bytes]]:
    try:
        size = len(source) if isinstance(source, bytes) else Path(source).stat().st_size
        if size > MOST_BYTES:
            raise Refused("The zip file is larger than 10 MB; bring fewer or smaller pictures.")
        with zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source) as archive:
            yield from _entries(archive)
    except OSError as error:
        raise Refused(f"{str(source)[:80]!r} cannot be opened; give a folder or a zip file.") from error
    except Refused:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError) as error:
        raise Refused("The file is not a complete zip file; pack the pictures again.") from error
    except (RuntimeError, NotImplementedError) as error:  # a password, an unusual compression
        raise Refused("The zip file is encrypted or packed unusually; pack it without a password.") from error


def _entries(archive: zipfile.ZipFile) -> Iterator[tuple[str, bytes]]:
    for entry in archive.infolist():
        parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
        if ".." in parts or entry.filename.startswith(("/", "\\")) or ":" in entry.filename:
            raise Refused(f"The zip file names {entry.filename[:60]!r}, outside of itself; pack it again.")
    wanted = sorted((e for e in archive.infolist() if _wanted(e.filename)), key=lambda e: e.filename)
    if len(wanted) > MOST:
        raise Refused(f"The zip file holds {len(wanted):,} pictures; bring at most {MOST:,}.")
    if sum(entry.file_size for entry in archive.infolist()) > MOST_UNPACKED:
        raise Refused("The zip file unpacks to more than 100 MB; bring fewer or smaller pictures.")
    left = MOST_UNPACKED
    for entry in wanted:
        with archive.open(entry) as file:
            content = file.read(min(left, MOST_BYTES) + 1)  # the sizes given above may be wrong
        left -= len(content)
        if left < 0 or len(content) > MOST_BYTES:
            raise Refused(f"{entry.filename[-60:]!r} unpacks to more than 10 MB; make it smaller.")
        yield entry.filename, content


def _wanted(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() in SUFFIXES and not any(p.startswith((".", "__MACOSX")) for p in path.parts)


def opened(what: str, content: bytes) -> Image.Image:
    """The picture, opened but not yet decoded; `what` names it in the message. Raises `Refused`."""
    if len(content) > MOST_BYTES:
        raise Refused(f"{what} is larger than 10 MB; make it smaller.")
    try:
        image = Image.open(io.BytesIO(content), formats=["PNG", "JPEG", "WEBP"])
        if image.width * image.height <= MOST_PIXELS:
            return image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        pass
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        starts = content[:12], content[4:12]
        others = [kind for mark, kind in OTHERS.items() if any(start.startswith(mark) for start in starts)]
        but = f" but {others[0]}" if others else ""
        raise Refused(
            f"{what} is not a PNG, JPEG or WebP picture{but}; save it as one, or leave it out."
        ) from error
    raise Refused(f"{what} has more than 20 megapixels; make it smaller.")


def flat(what: str, image: Image.Image, least: int = 128) -> Image.Image:
    """The picture, or its first frame, upright, opaque on white, in 8-bit RGB without metadata. A large JPEG
    may be decoded at a fraction of its size, but with no side shorter than `least`. Raises `Refused`."""
    try:
        image.draft("RGB", (least, least))  # which decodes much faster
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I"):  # 16 bits
            image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        if image.has_transparency_data:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        return image.convert("RGB")
    except Exception as error:  # a decoder may raise anything for a damaged file
        raise Refused(f"{what} is damaged; save it again, or leave it out.") from error
