import pytest

from ampel_watch.services.streams import Cone, HealpixRegion, StreamQuery

REGION = HealpixRegion(64, (3, 17))
RANGE = {"jd_from": 2460000.5, "jd_to": 2460001.5}


def test_regions_are_asked_for_with_both_ends_of_the_time():
    query = StreamQuery(regions=(REGION, HealpixRegion(8192, (805306367,))), **RANGE, chunk_size=500)
    assert query.body() == {
        "regions": [{"nside": 64, "pixels": [3, 17]}, {"nside": 8192, "pixels": [805306367]}],
        "jd": {"$gt": 2460000.5, "$lt": 2460001.5},
        "chunk_size": 500,
    }
    assert query.variant == "HEALpixRegionQuery"


def test_a_stream_without_regions_does_not_mention_them():
    assert "regions" not in StreamQuery(names=("ZTF21aaqhhfu",)).body()


@pytest.mark.parametrize(
    "wrong",
    [
        {"regions": (REGION,)},
        {"regions": (REGION,), "jd_from": 2460000.5},
        {"regions": (REGION,), "jd_to": 2460000.5},
        {"regions": (REGION,), "names": ("ZTF21aaqhhfu",), **RANGE},
        {"regions": (REGION,), "cone": Cone(1.0, 2.0, 0.1), **RANGE},
    ],
)
def test_what_the_archive_would_not_take_or_take_for_more_is_refused(wrong):
    with pytest.raises(ValueError, match="stream"):
        StreamQuery(**wrong)


@pytest.mark.parametrize("nside", [0, 3, 100, 16384, -2])
def test_a_grid_that_the_archive_does_not_know_is_refused(nside):
    with pytest.raises(ValueError, match="nside"):
        HealpixRegion(nside, (1,))


def test_a_region_without_pixels_would_be_the_whole_sky():
    with pytest.raises(ValueError, match="whole sky"):
        HealpixRegion(64, ())
