"""Pictures that users bring: in a folder, or in a zip file that is never unpacked to disk."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from engine.config import Refused

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
BEGINS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF")  # PNG, JPEG, WebP
_ABSOLUTE = re.compile(r"[/\\]|[A-Za-z]:[/\\]")
GREYS = {"L;2": 85, "L;4": 17}  # what one step of a grey level of few bits is, of 255


def read_images(source: Path | str | bytes) -> np.ndarray:
    """Pictures (PNG, JPEG, WebP) of one size: (n, channels, height, width) of bytes. Raises `Refused`.

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
        few = f"There {'is' if len(grey) == 1 else 'are'} only {len(grey)} picture{'s' * (len(grey) != 1)}"
        raise Refused(f"{few}; bring {FEWEST} or more PNG, JPEG or WebP files.")
    pixels = np.stack(colour)
    coloured = (np.ptp(pixels.astype(np.int16), axis=-1) > 8).any()
    return pixels.transpose(0, 3, 1, 2) if coloured else np.stack(grey)[:, None]


def _folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    named = (p for p in folder.rglob("*") if _wanted(p.relative_to(folder).as_posix()))
    paths = sorted(p for p in named if p.is_file() and not p.is_symlink())
    if len(paths) > MOST:
        raise Refused(f"The folder holds {len(paths):,} pictures; bring at most {MOST:,}.")
    for path in paths:
        if path.stat().st_size > MOST_BYTES:
            raise Refused(f"{path.name!r} is larger than 10 MB; make it smaller.")
        yield path.name, path.read_bytes()


def _zip(source: Path | str | bytes) -> Iterator[tuple[str, bytes]]:
    try:
        size = len(source) if isinstance(source, bytes) else Path(source).stat().st_size
        if size > MOST_BYTES:
            raise Refused("The zip file is larger than 10 MB; bring fewer or smaller pictures.")
        content = source if isinstance(source, bytes) else Path(source).read_bytes()
    except OSError as error:
        raise Refused(f"{str(source)[-80:]!r} cannot be opened; give a folder or a zip file.") from error
    if not content.startswith(b"PK") and not zipfile.is_zipfile(io.BytesIO(content)):
        raise Refused("The file is not a zip file; pack the pictures into one.")
    with _reading(), zipfile.ZipFile(io.BytesIO(content)) as archive:
        yield from _entries(archive)


@contextmanager
def _reading() -> Iterator[None]:
    """Whatever a damaged archive makes its readers raise becomes a `Refused`."""
    try:
        yield
    except Refused:
        raise
    except NotImplementedError as error:
        raise Refused("The zip file is compressed in an unusual way; pack it again as ZIP.") from error
    except Exception as error:  # of zipfile, zlib, bz2, lzma and struct
        raise Refused("The zip file is damaged; pack it again.") from error


def _entries(archive: zipfile.ZipFile) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the pictures. Nothing else in the archive is read or judged."""
    wanted = sorted((e for e in archive.infolist() if _wanted(e.filename)), key=lambda e: e.filename)
    if len(wanted) > MOST:
        raise Refused(f"The zip file holds {len(wanted):,} pictures; bring at most {MOST:,}.")
    if sum(entry.file_size for entry in wanted) > MOST_UNPACKED:
        raise Refused("The zip file unpacks to more than 100 MB; bring fewer or smaller pictures.")
    for entry in wanted:
        what = repr(entry.filename[-60:])
        if ".." in PurePosixPath(entry.filename.replace("\\", "/")).parts or _ABSOLUTE.match(entry.filename):
            raise Refused(f"The zip file names {what}, outside of itself; pack it again.")
        if entry.flag_bits & 1:
            raise Refused(f"{what} in the zip file is encrypted; pack it without a password.")
        with archive.open(entry) as file:
            content = file.read(MOST_BYTES + 1)  # and never more than its size given above
        if len(content) > MOST_BYTES:
            raise Refused(f"{what} unpacks to more than 10 MB; make it smaller.")
        yield entry.filename, content


def _wanted(name: str) -> bool:
    """Whether this is the name of a picture, and not of a folder or of something hidden."""
    path = PurePosixPath(name.replace("\\", "/"))
    hidden = any(part.startswith((".", "__MACOSX")) and part != ".." for part in path.parts)
    return path.suffix.lower() in SUFFIXES and not hidden and not name.endswith("/")


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
        if content.startswith(BEGINS[:2]) or (content.startswith(BEGINS[2]) and content[8:12] == b"WEBP"):
            raise Refused(f"{what} is damaged; save it again, or leave it out.") from error
        others = [kind for mark, kind in OTHERS.items() if any(content.startswith(mark, at) for at in (0, 4))]
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
        image = upright(eight_bits(image))
        if image.has_transparency_data:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        return image.convert("RGB")
    except Exception as error:  # a decoder may raise anything for a damaged file
        raise Refused(f"{what} is damaged; save it again, or leave it out.") from error


def eight_bits(image: Image.Image) -> Image.Image:
    """The picture with 8 bits for each channel, and its transparent colour likewise. Grey of 16 bits that
    uses only the lower 8, 10, 12 or 14, as cameras and scanners write it, is stretched."""
    clear, raw = image.info.get("transparency"), _raw(image)
    if not image.mode.startswith("I"):
        if isinstance(clear, int) and raw in GREYS:  # Pillow leaves it as it was written
            image.info["transparency"] = clear * GREYS[raw]
        elif isinstance(clear, tuple) and "16" in raw:
            image.info["transparency"] = tuple(level >> 8 for level in clear)
        return image
    levels = np.asarray(image).astype(np.int64)
    seen = levels != clear if isinstance(clear, int) else np.ones(levels.shape, bool)
    bits = max(8, int(levels.max(where=seen, initial=0)).bit_length() + 1 & ~1)
    grey = np.where(seen, levels >> bits - 8, 255).astype(np.uint8)
    made = Image.fromarray(grey)
    made.info = {key: held for key, held in image.info.items() if key == "exif"}
    return made


def _raw(image: Image.Image) -> str:
    """How the file stores a pixel, in Pillow's words."""
    tiles = getattr(image, "tile", None)
    return str(tiles[0].args) if tiles else ""


def upright(image: Image.Image) -> Image.Image:
    """The picture as its camera was held; as it is, if that cannot be read."""
    image.load()
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # the pixels are good
        return image
