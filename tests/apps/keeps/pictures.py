"""Pictures for tests, with planted metadata, and what uploads them."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, PngImagePlugin
from PIL.ExifTags import Base

from tests.apps.people import Family

PLANTED = b"planted-51.5007N-0.1246W"  # what must not survive processing


def picture(kind: str = "JPEG", *, size: tuple[int, int] = (64, 48), **save: Any) -> bytes:
    """A picture whose left half is red and whose right half is blue."""
    image = Image.new("RGB", size, (200, 30, 30))
    image.paste((30, 30, 200), (size[0] // 2, 0, size[0], size[1]))
    file = BytesIO()
    image.save(file, kind, **save)
    return file.getvalue()


def with_metadata(kind: str) -> bytes:
    """A picture that says in every place its format has where it was taken, and has bytes appended."""
    text = PLANTED.decode()
    exif = Image.Exif()
    exif[Base.ImageDescription] = text
    exif[Base.Orientation] = 6
    match kind:
        case "JPEG":
            content = picture(kind, exif=exif, comment=PLANTED, xmp=PLANTED)
        case "PNG":
            chunks = PngImagePlugin.PngInfo()
            chunks.add_text("Comment", text)
            chunks.add_itxt("XML:com.adobe.xmp", text)
            content = picture(kind, exif=exif, pnginfo=chunks)
        case "WEBP":
            content = picture(kind, exif=exif, xmp=PLANTED)
        case _:
            content = picture(kind, comment=PLANTED)
    assert PLANTED in content
    return content + PLANTED


def animation(kind: str, frames: int = 3) -> bytes:
    """A moving picture, each frame of which is shown a little longer than the one before."""
    first, *others = [Image.new("RGB", (20, 10), (n * 20, 0, 0)) for n in range(frames)]
    file = BytesIO()
    durations = [100 + 20 * n for n in range(frames)]
    first.save(file, kind, save_all=True, append_images=others, duration=durations, loop=0)
    return file.getvalue()


def upload(
    family: Family, content: bytes | None = None, *, who: str = "member", name: str = "x.jpg", **parts: Any
) -> Any:
    """The answer to an upload."""
    file = SimpleUploadedFile(name, picture() if content is None else content, content_type="image/jpeg")
    return family[who].upload(f"{family.path}/keeps", file=file, **parts)


def uploaded(family: Family, content: bytes | None = None, **more: Any) -> str:
    """The path of a keep that was uploaded."""
    answer = upload(family, content, **more)
    assert answer.status_code == 201, answer.content
    return f"/api/keeps/{answer.json()['id']}"
