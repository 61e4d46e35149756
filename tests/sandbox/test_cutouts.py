import array
import gzip
import sys

from ampel_watch.sandbox.cutouts import SIDE_PX, draw_cutouts

CANDID = 3561483775215015005


def pixels(data: bytes) -> "array.array[float]":
    image = array.array("f", gzip.decompress(data)[2880 : 2880 + 4 * SIDE_PX**2])
    if sys.byteorder == "little":
        image.byteswap()
    return image


def cutouts(mag: float = 17.0) -> dict[str, tuple[str, bytes]]:
    return draw_cutouts(CANDID, difference_mag=mag, reference=(4.0, 19.0), limit_mag=20.5)


def test_cutouts_are_gzipped_fits_of_the_size_of_the_real_ones() -> None:
    for name, data in cutouts().values():
        content = gzip.decompress(data)
        assert len(content) == 20160
        assert content.startswith(b"SIMPLE  =                    T")
        assert name.startswith(f"candid{CANDID}")


def test_the_transient_is_in_the_middle_of_science_and_difference_and_not_in_the_template() -> None:
    images = {key: pixels(data) for key, (_, data) in cutouts().items()}
    middle = SIDE_PX**2 // 2
    assert images["cutoutDifference"].index(max(images["cutoutDifference"])) == middle
    assert images["cutoutScience"].index(max(images["cutoutScience"])) == middle
    assert images["cutoutTemplate"].index(max(images["cutoutTemplate"])) != middle


def test_a_negative_subtraction_is_a_hole_and_cutouts_do_not_change() -> None:
    assert min(pixels(cutouts(-17.0)["cutoutDifference"][1])) < -100
    assert cutouts() == cutouts()
