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
# The mean of the differences of all samples to the same picture, made by Pillow and encoded alike.
BOUND = 8
# What Pillow can decode and the service shows otherwise or not at all, with the cause. A cause that is mended fails the
# test until its names are taken out.
EXPECTED = {
    name: cause
    for cause, names in {
        "samples with a sign, of 12 bits, or as floating point are not decoded":
            "10ct_32bit_128.tiff 12bit.cropped.tif 16_bit_binary_pgm.tiff 16bit.s.tif 8bit.s.tif",
        "CIELab is not decoded": "hopper.Lab.tif lab-green.tif lab-red.tif lab.tif",
        "this coding is not decoded":
            "compression.tif hopper_lzma.tif old-style-jpeg-compression.tif total-pages-zero.tif "
            "old-style-jpeg-compression-no-samplesperpixel.tif",
        "the decoder panics on tiles of several planes; its process ends with the reason":
            "tiff_tiled_planar_16bit_RGB.tiff tiff_tiled_planar_16bit_RGBa.tiff tiff_tiled_planar_lzw.tiff",
        "the decoder refuses a palette with alpha": "rdf.tif",
        "pixels that a run-length coding skips: the two decoders fill them differently":
            "bmp/q/pal4rletrns.bmp bmp/q/pal8rletrns.bmp",
        "masks in an unusual order: the two decoders read them differently": "rgb32bf-abgr.bmp",
        "gray of 16 bits with a transparent colour: the two decoders convert it differently": "i_trns.png",
        "the decoder refuses the file as broken":
            "multipage_single_frame_loop.tiff separate_planar_extra_samples.tiff tiff_wrong_bits_per_sample_2.tiff "
            "no_palette.gif bmp/b/badplanes.bmp bmp/b/badrle.bmp bmp/b/rletopdown.bmp bmp/q/pal8os2v2.bmp",
    }.items()
    for name in names.split()
}

# What offices scan to: G4, LZW, Deflate, JPEG in TIFF. The corpus must have them, so that they are compared.
CODINGS = "hopper_g4.tif hopper_g4_500.tif g4-multi.tiff hopper_lzw.tif 16bit.deflate.tif hopper_jpg.tif".split()

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
    coded = io.BytesIO()
    picture.resize(size, Image.LANCZOS).save(coded, "JPEG", quality=80, subsampling="4:2:0")
    means = ImageStat.Stat(ImageChops.difference(shown, Image.open(coded).convert("RGB"))).mean
    mean = sum(means) / len(means)
    return f"differs by {mean:.1f}" if mean > BOUND else ""


def main():
    originals, thumbnails = map(pathlib.Path, sys.argv[1:])
    compared, failed, seen = 0, 0, set()
    for mark in sorted(thumbnails.glob("*.name")):
        name = mark.read_text()
        found = difference(originals / name, mark.with_suffix(".jpg"))
        if found is None:
            continue
        compared += 1
        seen.add(name)
        if bool(found) != (name in EXPECTED):
            failed += 1
            print(f"{name}: {found or 'is as expected now; take it out of EXPECTED'}")
    for name in set(CODINGS) - seen:
        failed += 1
        print(f"{name}: is not compared")
    print(f"{compared} compared, {failed} different")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
