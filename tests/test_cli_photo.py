"""Pictures of every kind, as the command reads them."""

import numpy as np
import pytest
from PIL import Image

from convadjoint.cli import photo
from photographs import image, picture, save_grey


def saved(path, source, **options):
    source.save(path, **options)
    return photo.read(path)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "ppm"])
def test_colours_are_read_as_they_are(tmp_path, suffix):
    read = saved(tmp_path / f"x.{suffix}", image())
    np.testing.assert_array_equal(read.pixels, picture(colours=3) / 255)
    assert read.notes == ()


def test_grey_stays_grey(tmp_path):
    read = photo.read(save_grey(tmp_path))
    np.testing.assert_array_equal(read.pixels, picture() / 255)


def test_palette_and_black_and_white(tmp_path):
    palette = image().quantize(16)
    read = saved(tmp_path / "p.png", palette)
    np.testing.assert_array_equal(read.pixels, np.asarray(palette.convert("RGB")) / 255)
    bits = image(colours=1).convert("1")
    read = saved(tmp_path / "1.png", bits)
    np.testing.assert_array_equal(read.pixels[..., 0], np.asarray(bits))


def test_cmyk_is_converted(tmp_path):
    read = saved(tmp_path / "c.tif", image().convert("CMYK"))
    np.testing.assert_allclose(read.pixels, picture(colours=3) / 255, atol=2 / 255)


@pytest.mark.parametrize(("mode", "colours"), [("RGBA", 3), ("LA", 1)])
def test_transparency_is_shown_on_white(tmp_path, mode, colours):
    layer = image(colours=colours).convert(mode)
    alpha = Image.linear_gradient("L").resize(layer.size)
    layer.putalpha(alpha)
    read = saved(tmp_path / "a.png", layer)
    share = np.asarray(alpha)[..., None] / 255
    mixed = share * picture(colours=colours) / 255 + (1 - share)
    np.testing.assert_allclose(read.pixels, mixed, atol=1.5 / 255)
    assert read.notes == ("transparency shown on white",)


def test_opaque_alpha_changes_nothing(tmp_path):
    read = saved(tmp_path / "a.png", image().convert("RGBA"))
    np.testing.assert_array_equal(read.pixels, picture(colours=3) / 255)
    assert read.notes == ()


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_keep_their_depth(tmp_path, suffix):
    deep = picture()[..., 0].astype(np.uint16) * 256 + 7
    read = saved(tmp_path / f"deep.{suffix}", Image.fromarray(deep))
    np.testing.assert_allclose(read.pixels[..., 0], deep / 65535, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_thirty_two_bits_are_stretched_and_said_so(tmp_path, dtype):
    values = picture()[..., 0].astype(dtype) * 5 - 100
    read = saved(tmp_path / "deep.tif", Image.fromarray(values))
    low, high = int(values.min()), int(values.max())
    stretched = (values - low) / (high - low)
    np.testing.assert_allclose(read.pixels[..., 0], stretched, rtol=1e-6)
    assert read.notes == (f"greys from {low} to {high} shown as black to white",)


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_exif_rotation_is_undone(tmp_path, suffix):
    exif = Image.Exif()
    exif[274] = 6  # the camera was turned: rotate clockwise to show
    turned = image(colours=1).rotate(90, expand=True)
    options = {"lossless": True} if suffix == "webp" else {}
    read = saved(tmp_path / f"turned.{suffix}", turned, exif=exif, **options)
    np.testing.assert_array_equal(read.pixels[..., :1], picture() / 255)


@pytest.mark.parametrize(("size", "shape"), [((1300, 700), (276, 512, 3))])
def test_large_photographs_are_downscaled_and_said_so(tmp_path, size, shape):
    read = saved(tmp_path / "large.jpg", image().resize(size), quality=90)
    assert read.pixels.shape == shape
    note = (
        f"downscaled from {size[0]} x {size[1]} to {shape[1]} x {shape[0]}: the demo "
        "works on at most 512 pixels a side"
    )
    assert read.notes == (note,)


def test_phone_pictures_with_a_second_image_inside(tmp_path):
    path = tmp_path / "phone.jpg"
    image().save(path, "MPO", save_all=True, append_images=[image()])
    assert photo.read(path).pixels.shape == (40, 36, 3)
