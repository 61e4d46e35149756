"""From gzipped FITS to pixels, whatever the file holds."""

import gzip
import io
import tracemalloc

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from ampel_watch.pictures.stamps import MOST_BYTES, MOST_PIXELS_A_SIDE, pixels_of
from ampel_watch.sandbox import open_packets

IMAGE = np.arange(12, dtype=">f4").reshape(3, 4)


def stamp(image=IMAGE, kind=fits.PrimaryHDU):
    out = io.BytesIO()
    kind(image).writeto(out)
    return gzip.compress(out.getvalue(), mtime=0)


SOUND = gzip.decompress(stamp())


def test_pixels_are_as_they_were_written():
    assert np.array_equal(pixels_of(stamp()), IMAGE)


def test_integers_are_scaled_as_the_header_says():
    hdu = fits.PrimaryHDU(np.array([[1, 2], [3, 4]], dtype=np.int16))
    hdu.header["BZERO"] = 10.0
    out = io.BytesIO()
    hdu.writeto(out)
    assert pixels_of(gzip.compress(out.getvalue())).tolist() == [[11, 12], [13, 14]]


def test_infinite_and_absurd_values_are_no_values():
    pixels = pixels_of(stamp(np.array([[1.0, np.inf], [-np.inf, np.nan], [1e300, 2.0]])))
    assert (pixels[0, 0], pixels[2, 1]) == (1, 2)
    assert np.isnan(pixels).sum() == 4


def test_an_untidy_header_as_in_packets_of_2018_is_read_without_a_warning():
    untidy = SOUND.replace(b"SIMPLE  =                    T", b"SIMPLE  =  T                  ")
    assert np.array_equal(pixels_of(gzip.compress(untidy)), IMAGE)


def header(**cards):
    lines = [f"{key:8}= {value:>20}" for key, value in cards.items()]
    return "".join(line.ljust(80) for line in [*lines, "END"]).ljust(2880).encode()


WIDE = {"SIMPLE": "T", "BITPIX": 8, "NAXIS": 2}
DAMAGED = {
    "nothing": b"",
    "no gzip": SOUND,
    "cut short": stamp()[:-12],
    "wrong checksum": stamp()[:-8] + bytes(8),
    "no FITS": gzip.compress(b"GIF89a"),
    "empty": gzip.compress(b""),
    "header cut": gzip.compress(SOUND[:1000]),
    "data cut": gzip.compress(SOUND[:2890]),
    "no image": stamp(None),
    "three dimensions": stamp(np.zeros((2, 3, 4))),
    "one dimension": stamp(np.zeros(5)),
    "too wide": stamp(np.zeros((1, MOST_PIXELS_A_SIDE + 1), dtype=np.uint8)),
    "wider than any memory": gzip.compress(header(**WIDE, NAXIS1=2**40, NAXIS2=2**40) + bytes(2880)),
    "negative size": gzip.compress(header(**WIDE, NAXIS1=-5, NAXIS2=5) + bytes(2880)),
    "unknown type": gzip.compress(SOUND.replace(b"                 -32", b"                 -33")),
    "no number": gzip.compress(SOUND.replace(b"                 -32", b"                 'x'")),
    "no values": stamp(np.full((3, 3), np.nan)),
}


@pytest.mark.parametrize("damaged", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_cutout_is_none_and_the_log_says_so(damaged, caplog):
    caplog.set_level("INFO")
    assert pixels_of(damaged) is None
    assert [record.name for record in caplog.records] == ["ampel_watch.pictures.stamps"]
    assert caplog.records[0].message.startswith("a cutout is damaged: ")


def test_a_missing_one_is_none_without_a_word(caplog):
    caplog.set_level("DEBUG")
    assert pixels_of(None) is None
    assert caplog.records == []


def test_a_file_that_unpacks_to_gigabytes_takes_no_memory():
    bomb = gzip.compress(header(**WIDE, NAXIS1=100, NAXIS2=100) + bytes(300 * 2**20), compresslevel=1)
    tracemalloc.start()
    try:
        assert pixels_of(bomb) is None
        assert tracemalloc.get_traced_memory()[1] < 4 * MOST_BYTES
    finally:
        tracemalloc.stop()


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 255)), max_size=5))
def test_no_change_of_the_header_makes_it_raise(changes):
    content = bytearray(SOUND)
    for place, byte in changes:
        content[place] = byte
    pixels = pixels_of(gzip.compress(bytes(content), 1))
    assert pixels is None or pixels.ndim == 2


def test_real_packets_give_their_pixels(shared):
    sky, _ = open_packets(shared / "ztf-alerts")
    cutouts = [packet.cutouts() for packet in sky.packets(0, 1e9) if packet.cutouts]
    shapes = [None if (pixels := pixels_of(data)) is None else pixels.shape for c in cutouts for _, data in c.values()]
    assert shapes.count((63, 63)) >= 100
    assert set(shapes) == {(63, 63), (51, 63), None}
