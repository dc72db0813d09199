"""Compares thumbnails with the pictures as Pillow decodes them: compare.py ORIGINALS THUMBNAILS

THUMBNAILS has for each compared file of ORIGINALS either NAME.jpg or NAME.txt with the reason for none. Prints one line
for each difference, then how many pictures were compared.
"""

import io
import pathlib
import sys
import warnings

from PIL import Image, ImageChops, ImageCms, ImageOps, ImageStat

EDGE = 256
# The mean of the differences of all samples. JPEG at quality 80 and another filter make up to 5.
BOUND = 8
# Why a picture that Pillow can decode needs no thumbnail, or may look different.
EXPECTED = {}

warnings.simplefilter("ignore")
SRGB = ImageCms.createProfile("sRGB")


def in_srgb(picture):
    """The picture in the colours that its profile means."""
    profile = picture.info.get("icc_profile")
    if not profile or picture.mode not in ("RGB", "CMYK", "L"):
        return picture
    try:
        return ImageCms.profileToProfile(picture, ImageCms.ImageCmsProfile(io.BytesIO(profile)), SRGB, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return picture


def on_white(picture):
    if picture.mode.startswith("I;16"):
        return picture.convert("I").point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    return picture.convert("RGB")


def expected(path):
    """The upright picture in 24 bits. None if Pillow cannot decode it."""
    try:
        with Image.open(path) as picture:
            picture.load()
            return on_white(in_srgb(ImageOps.exif_transpose(picture)))
    except Exception:
        return None


def fit(width, height):
    long = max(width, height)
    if long <= EDGE:
        return width, height
    return tuple(max(1, (2 * side * EDGE + long) // (2 * long)) for side in (width, height))


def difference(path, thumbnail):
    picture = expected(path)
    if picture is None:
        return None
    if not thumbnail.exists():
        return "no thumbnail: " + thumbnail.with_suffix(".txt").read_text()
    with Image.open(thumbnail) as shown:
        shown = shown.convert("RGB")
    size = fit(*picture.size)
    if shown.size != size:
        return f"{shown.size} instead of {size}"
    means = ImageStat.Stat(ImageChops.difference(shown, picture.resize(size, Image.LANCZOS))).mean
    mean = sum(means) / len(means)
    return f"differs by {mean:.1f}" if mean > BOUND else ""


def main():
    originals, thumbnails = map(pathlib.Path, sys.argv[1:])
    compared, failed = 0, 0
    for mark in sorted(thumbnails.glob("*.name")):
        name = mark.read_text()
        found = difference(originals / name, mark.with_suffix(".jpg"))
        if found is None:
            continue
        compared += 1
        if bool(found) != (name in EXPECTED):
            failed += 1
            print(f"{name}: {found or 'is as expected now; take it out of EXPECTED'}")
    print(f"{compared} compared, {failed} different")
    sys.exit(failed > 0)


main()
