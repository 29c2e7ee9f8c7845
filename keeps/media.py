"""What a file really is, and making it safe to show: pure functions over open files.

`inspect` (type by content, limits), `clean` (everything but the picture is gone), `thumbnail`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import IO

from PIL import Image, ImageOps, ImageSequence

THUMBNAIL_SIZE = (320, 320)
MAX_FRAMES = 1000  # a tiny picture can have a million: minutes of work and gigabytes
_HEAD = 16  # bytes that tell every type below apart
# What the picture needs to look the same. Everything else in a file's metadata may say who, where or with what.
_HARMLESS_INFO = frozenset(
    {"icc_profile", "transparency", "duration", "loop", "background", "disposal", "blend"}
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of file that we keep."""

    mime: str
    extension: str
    format: str  # Pillow's name for it; empty when it is no picture
    animates: bool = False


JPEG = Kind("image/jpeg", "jpg", "JPEG")
PNG = Kind("image/png", "png", "PNG", animates=True)
GIF = Kind("image/gif", "gif", "GIF", animates=True)
WEBP = Kind("image/webp", "webp", "WEBP", animates=True)
TEXT = Kind("text/plain", "txt", "")
KINDS = {kind.mime: kind for kind in (JPEG, PNG, GIF, WEBP, TEXT)}


class MediaError(Exception):
    """The file cannot be kept; `reason` is a code: unknown_type, too_many_pixels, too_many_frames or corrupt."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def sniff(head: bytes) -> Kind | None:
    """The type by the first bytes of a file, whatever its name or its sender say; None for any other."""
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return GIF
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return WEBP
    return None


def inspect(file: IO[bytes], *, max_pixels: int) -> Kind:
    """The type of a picture whose header can be read and whose size is allowed. Raises `MediaError`.

    The pixels themselves are not decoded: that is `clean`'s work, in a task.
    """
    file.seek(0)
    kind = sniff(file.read(_HEAD))
    if kind is None:
        raise MediaError("unknown_type")
    with _picture(file, kind) as image:
        most = max_pixels // (image.width * image.height)  # frames of this size
        if most == 0:
            raise MediaError("too_many_pixels")
        if kind.animates and _has_more_frames(image, min(most, MAX_FRAMES)):
            raise MediaError("too_many_frames" if most > MAX_FRAMES else "too_many_pixels")
    file.seek(0)
    return kind


def _has_more_frames(image: Image.Image, most: int) -> bool:
    """Looks no further than one beyond: counting them all is what must not be done."""
    try:
        image.seek(most)
    except EOFError:
        return False
    return True


def clean(source: IO[bytes], kind: Kind) -> bytes:
    """The picture decoded and encoded anew, upright, without EXIF, XMP, comments or appended bytes.

    Raises `MediaError`.
    """
    target = BytesIO()  # in memory: Pillow tells a full disk no better than a broken picture
    with _picture(source, kind) as image:
        if kind.animates and getattr(image, "is_animated", False):
            first, *others = frames = [_bare(frame.copy()) for frame in ImageSequence.Iterator(image)]
            pace = [frame.info.get("duration", 0) for frame in frames]
            loop = image.info.get("loop", 1)
            first.save(target, kind.format, save_all=True, append_images=others, duration=pace, loop=loop)
        else:
            _bare(ImageOps.exif_transpose(image)).save(target, kind.format, quality=90)
    return target.getvalue()


def thumbnail(source: IO[bytes], kind: Kind) -> bytes:
    """A small WebP of the first frame. Raises `MediaError`."""
    target = BytesIO()
    with _picture(source, kind) as image:
        image.draft("RGB", THUMBNAIL_SIZE)  # a JPEG decoder can skip most of the work
        small = ImageOps.exif_transpose(image)
        small = small.convert("RGBA" if small.has_transparency_data else "RGB")
        small.thumbnail(THUMBNAIL_SIZE)
        _bare(small).save(target, "WEBP", quality=80)
    return target.getvalue()


def _bare(image: Image.Image) -> Image.Image:
    """The same image with nothing but the picture and what it needs to look the same."""
    image.info = {name: value for name, value in image.info.items() if name in _HARMLESS_INFO}
    return image


@contextmanager
def _picture(file: IO[bytes], kind: Kind) -> Iterator[Image.Image]:
    """The opened picture; whatever Pillow says about a broken or hostile file becomes `MediaError`."""
    file.seek(0)
    try:
        with Image.open(file, formats=(kind.format,)) as image:
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise MediaError("too_many_pixels") from None
    except MediaError:
        raise
    except OSError as error:
        if error.errno is not None:  # the disk, not the picture
            raise
        raise MediaError("corrupt") from error
    except Exception as error:
        raise MediaError("corrupt") from error
