"""The strip of science, template and difference image."""

import gzip
import io
import struct

import matplotlib.image as mpimg
import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ampel_watch.model import Cutouts
from ampel_watch.pictures import draw_cutouts
from ampel_watch.pictures.canvas import WIDTH_PX, new_figure, points
from ampel_watch.pictures.cutouts import HEIGHT_PX, LABELS, about_zero, compose, stretched
from ampel_watch.pictures.stamps import pixels_of
from ampel_watch.sandbox.cutouts import draw_cutouts as simulate


def cutouts(mag=17.0, **missing):
    made = simulate(1, difference_mag=mag, reference=(4.0, 18.0), limit_mag=20.5)
    stamps = {key.removeprefix("cutout").lower(): data for key, (_, data) in made.items()}
    return Cutouts(candid=1, name="ZTF25aaaaaaa", **(stamps | missing))


def panels(*images):
    figure = new_figure(HEIGHT_PX)
    compose(figure, images)
    return figure.axes


def test_it_is_a_png_as_wide_as_a_light_curve():
    png = draw_cutouts(cutouts())
    assert struct.unpack(">II", png[16:24]) == (3 * WIDTH_PX, 3 * HEIGHT_PX)
    assert draw_cutouts(cutouts()) == png


def test_without_any_image_there_is_none():
    assert draw_cutouts(cutouts(science=None, template=None, difference=None)) is None
    assert draw_cutouts(cutouts(science=b"", template=b"x", difference=gzip.compress(b"x"))) is None


@pytest.mark.parametrize("lost", ["science", "template", "difference"])
@pytest.mark.parametrize("stamp", [None, b"damaged"])
def test_a_missing_or_damaged_one_is_an_empty_panel(lost, stamp):
    image = mpimg.imread(io.BytesIO(draw_cutouts(cutouts(**{lost: stamp}))))[150:400, :, 0]
    thirds = np.array_split(image, 3, axis=1)
    empty = [float(third[:60, 60:300].std()) < 0.01 for third in thirds]
    assert empty == [label == lost for label in LABELS]


def test_each_panel_is_named_in_letters_that_can_be_read_on_a_phone():
    image = np.ones((63, 63))
    titles = [axes.title for axes in panels(image, image, None)]
    assert [title.get_text() for title in titles] == ["science", "template", "difference"]
    assert all(title.get_fontsize() >= points(11) for title in titles)


def test_the_first_row_is_at_the_bottom_and_pixels_are_not_smoothed():
    (shown,) = panels(np.ones((63, 63)), None, None)[0].get_images()
    assert (shown.origin, shown.get_interpolation()) == ("lower", "nearest")


def test_a_new_source_is_white_in_the_difference_one_that_faded_black_and_the_sky_between():
    for mag, centre in ((17.0, 1.0), (-17.0, 0.0)):
        brightness = about_zero(pixels_of(cutouts(mag).difference))
        assert brightness[31, 31] == pytest.approx(centre, abs=0.05)
        assert np.median(brightness) == pytest.approx(0.5, abs=0.02)


def test_a_source_is_bright_before_a_dark_sky_with_visible_noise():
    brightness = stretched(pixels_of(cutouts().science))
    assert brightness[31, 31] > 0.95
    assert 0.1 < np.median(brightness) < 0.4
    assert brightness.std() > 0.02


images = arrays.arrays(
    np.float64, arrays.array_shapes(min_dims=2, max_dims=2, max_side=6), elements=st.floats(-1e30, 1e30)
)


@given(images, st.sampled_from([stretched, about_zero]))
def test_brightness_lies_between_black_and_white(image, stretch):
    brightness = stretch(image)
    assert brightness.shape == image.shape
    assert ((brightness >= 0) & (brightness <= 1)).all()


@given(images)
def test_the_difference_is_symmetric(image):
    assert np.allclose(about_zero(image) + about_zero(-image), 1)


@pytest.mark.parametrize("stretch", [stretched, about_zero])
def test_pixels_without_value_stay_so_and_change_nothing_else(stretch):
    image = pixels_of(cutouts().science)
    holed = image.copy()
    holed[:3] = np.nan
    assert np.isnan(stretch(holed)[:3]).all()
    assert np.isfinite(stretch(holed)[3:]).all()
    assert np.abs(stretch(holed)[3:] - stretch(image)[3:]).max() < 0.1


def stamp_of(image):
    out = io.BytesIO()
    fits.PrimaryHDU(image).writeto(out)
    return gzip.compress(out.getvalue())


def test_images_of_any_size_and_of_one_colour_are_drawn():
    assert draw_cutouts(cutouts(science=stamp_of(np.zeros((1, 1))), template=stamp_of(np.full((40, 63), 7.0))))


def test_one_from_the_edge_of_the_detector_is_not_stretched_and_its_centre_not_marked():
    whole, cut = panels(np.ones((63, 63)), np.ones((51, 63)), None)[:2]
    assert (len(whole.get_lines()), len(cut.get_lines())) == (2, 0)
    for axes in (whole, cut):
        assert np.ptp(axes.get_xlim()) == np.ptp(axes.get_ylim()) == 63
