"""Cuts the benchmark's pictures from real photographs: corpus.py SOURCES TARGET.

Seeded by each picture's number, so that every machine makes the same ones. The photographs have at most 18 megapixels,
some only a few hundred pixels a side; larger pictures are scaled up from a part of one. What a camera adds is added
back: sensor noise, chosen so that a picture weighs what a photo of its size does (1.75 MB at the mean of 6.75
megapixels).
"""

import io
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy
import skimage
from PIL import Image, ImageCms, ImageFilter

JPEGS, PNGS = 200, 20
SIDES = [(1632, 1224), (2592, 1944), (3264, 2448), (4000, 3000)]  # 2, 5, 8, 12 megapixels
PNG_SIDES = [(1280, 960), (1632, 1224)]

PLASMA = [
    "FallenLeaf", "Path", "DarkestHour", "summer_1am", "EveningGlow", "Grey",
    "Kite", "ColorfulCups", "OneStandsOut", "ColdRipple", "BytheWater",
]
MATE = [
    "nature/Garden.jpg", "nature/Dune.jpg", "nature/Wood.jpg", "nature/Aqua.jpg", "nature/TwoWings.jpg",
    "nature/Storm.jpg", "nature/RainDrops.jpg", "nature/Blinds.jpg", "nature/LadyBird.jpg",
    "nature/YellowFlower.jpg", "abstract/Elephants_5640x3172.jpg",
]
PUZZLES = ["cincinnati-bridge.jpg", "european-honey-bee.jpg", "panther-chameleon-female.jpg", "citrus-fruits.jpg"]
PILLOW = [
    "fujifilm.mpo", "xmp_test.jpg", "junk_jpeg_header.jpg", "exif_gps_typeerror.jpg", "frozenpond.mpo", "sugarshack.mpo",
    "flower.jpg",
]
SKIMAGE = ["coffee.png", "chelsea.png", "astronaut.png", "retina.jpg"]


def photographs(sources):
    plasma = sources / "plasma-workspace-wallpapers/usr/share/wallpapers"
    found = [plasma / name / "contents/images/2560x1600.jpg" for name in PLASMA]
    found += [sources / "mate-backgrounds/usr/share/backgrounds/mate" / name for name in MATE]
    found += [sources / "palapeli-data/usr/share/palapeli/collection" / name for name in PUZZLES]
    found += [sources / "pillow/Tests/images" / name for name in PILLOW]
    found += [Path(skimage.__file__).parent / "data" / name for name in SKIMAGE]
    return found


def cut(path, side, chance):
    """A part of the photograph of the wanted shape, scaled to the wanted size."""
    photo = Image.open(path).convert("RGB")
    share = chance.uniform(0.7, 1.0)
    width = min(photo.width, photo.height * side[0] / side[1]) * share
    height = width * side[1] / side[0]
    x, y = chance.uniform(0, photo.width - width), chance.uniform(0, photo.height - height)
    part = photo.resize(side, Image.Resampling.LANCZOS, box=(x, y, x + width, y + height))
    return part.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if chance.random() < 0.5 else part


def with_sensor_noise(picture, strength, chance):
    """Noise as it is after a camera's demosaicing: a little blurred, the same in all colours but for a third."""
    shape = (picture.height, picture.width)
    light = chance.standard_normal(shape, dtype=numpy.float32)
    light = (light + numpy.roll(light, 1, 0) + numpy.roll(light, 1, 1)) / numpy.float32(1.732)
    colour = chance.standard_normal((*shape, 3), dtype=numpy.float32) / 3
    noisy = numpy.asarray(picture, dtype=numpy.float32) + (light[..., None] + colour) * numpy.float32(strength)
    return Image.fromarray(numpy.clip(noisy + 0.5, 0, 255).astype(numpy.uint8))


def encoded(number, sources):
    chance = numpy.random.default_rng(20_190_409 + number)
    photos = photographs(sources)
    path = photos[number % len(photos)]
    if number >= JPEGS:
        picture = cut(path, PNG_SIDES[number % 2], chance)
        return save(picture, "PNG", compress_level=6, icc_profile=None)
    side = SIDES[number % 4]
    picture = cut(path, side, chance)
    picture = with_sensor_noise(picture, chance.uniform(*NOISE), chance)
    options = {"quality": int(chance.integers(85, 93)), "subsampling": 1 if number % 10 == 9 else 2}
    if number % 20 == 7:
        options["progressive"] = True
    if number % 20 in (1, 6, 14):
        exif = Image.Exif()
        exif[0x0112] = (6, 8, 3)[number % 3]
        options["exif"] = exif
    if number % 10 == 4:
        adobe = ImageCms.getOpenProfile(str(sources / "colord-data/usr/share/color/icc/colord/AdobeRGB1998.icc"))
        picture = ImageCms.profileToProfile(picture, ImageCms.createProfile("sRGB"), adobe)
        options["icc_profile"] = adobe.tobytes()
    return save(picture, "JPEG", **options)


# Weakest and strongest noise, in steps of 255.
NOISE = (3.8, 8.4)


def save(picture, kind, **options):
    into = io.BytesIO()
    picture.save(into, kind, **options)
    return into.getvalue()


def make(number, sources, target):
    name = f"{number:03}.{'jpg' if number < JPEGS else 'png'}"
    if not (target / name).exists():
        part = target / f".{name}.part"
        part.write_bytes(encoded(number, sources))
        part.rename(target / name)
    return (target / name).stat().st_size


def main():
    sources, target = Path(sys.argv[1]), Path(sys.argv[2])
    target.mkdir(parents=True, exist_ok=True)
    count = JPEGS + PNGS
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        sizes = list(pool.map(make, range(count), [sources] * count, [target] * count))
    jpegs = sizes[:JPEGS]
    text = f"{count} pictures, {sum(sizes) / 1e6:.0f} MB; mean JPEG {sum(jpegs) / len(jpegs) / 1e6:.2f} MB"
    (target / "complete").write_text(text + "\n")
    print(f"corpus: {text}")


if __name__ == "__main__":
    main()
