"""What a file really is, and what is left of it after cleaning: pure functions over bytes."""

import errno
import struct
import time
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageSequence

from keeps.media import KINDS, MAX_FRAMES, MediaError, clean, inspect, sniff, thumbnail
from tests.apps.keeps.pictures import PLANTED, animation, picture, with_metadata

FORMATS = ["JPEG", "PNG", "WEBP", "GIF"]


def cleaned(content: bytes) -> bytes:
    source = BytesIO(content)
    return clean(source, inspect(source, max_pixels=10**6))


@pytest.mark.parametrize("kind", FORMATS)
def test_a_picture_is_known_by_its_bytes(kind):
    """Every format we keep is recognised, and its extension is ours, not the uploader's."""
    assert inspect(BytesIO(picture(kind)), max_pixels=10**6).format == kind


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"plain text",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7",
        b"MZ\x90",
        picture("BMP"),
    ],
)
def test_what_is_no_picture_of_ours_is_refused(content):
    """Text, vector graphics that can run scripts, documents, programs: unknown_type."""
    with pytest.raises(MediaError, match="unknown_type"):
        inspect(BytesIO(content), max_pixels=10**6)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_header_alone_is_corrupt(kind):
    """The right first bytes and nothing behind them are not enough."""
    with pytest.raises(MediaError, match="corrupt"):
        inspect(BytesIO(picture(kind)[:12]), max_pixels=10**6)


@pytest.mark.parametrize("kind", FORMATS)
def test_too_many_pixels_are_refused_before_they_are_decoded(kind):
    """A small file can hold a huge picture; its header says so."""
    with pytest.raises(MediaError, match="too_many_pixels"):
        inspect(BytesIO(picture(kind, size=(1001, 1000))), max_pixels=10**6)


def test_the_frames_of_an_animation_count_together():
    """Many small frames are as much work as one big one."""
    content = BytesIO(animation("GIF", frames=10))
    assert inspect(content, max_pixels=2000).format == "GIF"
    with pytest.raises(MediaError, match="too_many_pixels"):
        inspect(content, max_pixels=1999)


def test_a_swarm_of_tiny_frames_is_refused_without_being_counted():
    """A GIF of 15 MB has room for a million frames of one pixel: more work than any picture."""
    header = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6)
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x4c\x01\x00"
    assert inspect(BytesIO(header + frame * MAX_FRAMES + b";"), max_pixels=10**6).format == "GIF"
    started = time.process_time()
    with pytest.raises(MediaError, match="too_many_frames"):
        inspect(BytesIO(header + frame * 500_000 + b";"), max_pixels=10**9)
    assert time.process_time() - started < 1


def test_a_decompression_bomb_is_refused():
    """A header of 65,535 x 65,535 pixels never reaches a decoder."""
    content = bytearray(picture("GIF"))
    content[6:10] = b"\xff\xff\xff\xff"
    with pytest.raises(MediaError, match="too_many_pixels"):
        inspect(BytesIO(content), max_pixels=10**6)


@pytest.mark.parametrize("kind", FORMATS)
def test_nothing_but_the_picture_survives(kind):
    """EXIF, XMP, comments, text chunks and appended bytes are gone, from the picture and its thumbnail."""
    content = with_metadata(kind)
    safe = cleaned(content)
    small = thumbnail(BytesIO(safe), inspect(BytesIO(safe), max_pixels=10**6))
    for file in (safe, small):
        assert PLANTED not in file
        with Image.open(BytesIO(file)) as image:
            assert not image.getexif()
            assert not {"comment", "xmp", "Comment", "XML:com.adobe.xmp"} & set(image.info)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_turned_picture_is_upright_afterwards(kind):
    """The orientation that EXIF told is in the pixels, since nothing else can tell it any more."""
    with Image.open(BytesIO(cleaned(with_metadata(kind)))) as image:
        assert image.size == (48, 64)
        red, _, blue = image.convert("RGB").getpixel((24, 8))
        assert red > blue  # the left half is on top now


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_an_animation_keeps_its_frames(kind):
    """Cleaning neither stops what moves nor changes its pace."""
    with Image.open(BytesIO(cleaned(animation(kind)))) as image:
        frames = [frame.copy() for frame in ImageSequence.Iterator(image)]
    assert [frame.info["duration"] for frame in frames] == [100, 120, 140]


def test_transparency_survives():
    """What was see-through stays so, in the thumbnail too."""
    file = BytesIO()
    Image.new("RGBA", (10, 10), (255, 0, 0, 0)).save(file, "PNG")
    safe = cleaned(file.getvalue())
    for content in (safe, thumbnail(BytesIO(safe), KINDS["image/png"])):
        with Image.open(BytesIO(content)) as image:
            assert image.convert("RGBA").getpixel((5, 5))[3] == 0


def test_a_thumbnail_is_small_and_keeps_its_proportions():
    """No side is longer than 320 pixels."""
    small = thumbnail(BytesIO(picture(size=(1600, 400))), KINDS["image/jpeg"])
    with Image.open(BytesIO(small)) as image:
        assert (image.format, image.size) == ("WEBP", (320, 80))


@pytest.mark.parametrize(
    ("mode", "kind"), [("CMYK", "JPEG"), ("L", "JPEG"), ("I;16", "PNG"), ("LA", "PNG"), ("1", "GIF")]
)
def test_uncommon_pictures_are_pictures_too(mode, kind):
    """Print colours, 16-bit and 1-bit grey: cleaned as they are, with a thumbnail."""
    file = BytesIO()
    Image.new(mode, (40, 30)).save(file, kind)
    safe = cleaned(file.getvalue())
    with Image.open(BytesIO(safe)) as image:
        assert image.size == (40, 30)
    assert thumbnail(BytesIO(safe), inspect(BytesIO(safe), max_pixels=10**6))


def test_a_disk_that_fails_is_not_blamed_on_the_picture():
    """An error of the operating system is raised as it is: the picture may be fine."""

    class Failing(BytesIO):
        def read(self, size=-1):
            if self.tell() > 100:
                raise OSError(errno.EIO, "Input/output error")
            return super().read(size)

    with pytest.raises(OSError, match="Input/output") as raised:
        clean(Failing(picture()), KINDS["image/jpeg"])
    assert raised.value.errno == errno.EIO


@settings(max_examples=200, deadline=None)
@given(kind=st.sampled_from(FORMATS), data=st.data())
def test_a_damaged_picture_is_named_or_cleaned_and_nothing_else(kind, data):
    """Whatever bytes are cut, changed or added: `MediaError`, or a picture that opens; never another error."""
    content = bytearray(picture(kind))
    at = data.draw(st.integers(0, len(content) - 1))
    length = data.draw(st.integers(0, 40))
    content[at : at + length] = data.draw(st.binary(max_size=60))
    with suppress(MediaError):
        assert sniff(cleaned(bytes(content))[:16]) is not None


@given(st.binary(max_size=64))
def test_sniffing_never_fails(head):
    """Any bytes are one of our types or none."""
    assert sniff(head) is None or sniff(head).mime in KINDS
