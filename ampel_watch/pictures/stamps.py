"""Image cutouts as they come (gzipped FITS) to pixels. Nothing that a packet holds can make it raise or eat memory."""

import io
import logging
import struct
import warnings
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LOG = logging.getLogger(__name__)

# A cutout of ZTF is 63 × 63 pixels and unpacks to 20160 bytes.
MOST_BYTES = 2**20
MOST_PIXELS_A_SIDE = 512
_LARGEST = 1e30  # what is beyond is no brightness
# What astropy raises on damaged files, beside its `VerifyError`: it has no error tree.
_FAULTS = (OSError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError, struct.error)
_GZIP = 16 + zlib.MAX_WBITS


class BadStamp(ValueError):
    """Not a gzipped FITS file with one image of bearable size."""


def pixels_of(stamp: bytes | None) -> "NDArray[Any] | None":
    """The image as floats, row 0 at the bottom (FITS), NaN where there is no value; None if there is no sound image."""
    if stamp is None:
        return None
    try:
        return _image(_unpacked(stamp))
    except BadStamp as error:
        _LOG.info("a cutout is damaged: %s", error)
        return None


def _unpacked(stamp: bytes) -> bytes:
    """At most `MOST_BYTES`: a small file may unpack to gigabytes."""
    unpacker = zlib.decompressobj(_GZIP)
    try:
        content = unpacker.decompress(stamp, MOST_BYTES)
    except zlib.error as error:
        raise BadStamp(f"it cannot be unpacked: {error}") from error
    if not unpacker.eof:
        raise BadStamp("it ends too early, or is too large")
    return content


def _image(content: bytes) -> "NDArray[Any]":
    import numpy as np
    from astropy.io import fits

    try:
        # Real packets of 2018 write `SIMPLE  =  T`, of which astropy warns; what is worse raises.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(io.BytesIO(content), memmap=False, disable_image_compression=True) as units:
                shape = units[0].shape
                if len(shape) != 2 or not all(1 <= side <= MOST_PIXELS_A_SIDE for side in shape):
                    raise BadStamp(f"its image has the shape {shape}")
                image = np.asarray(units[0].data, dtype=np.float64)
    except (fits.VerifyError, *_FAULTS) as error:
        raise BadStamp(f"it is no FITS image: {type(error).__name__}: {error}") from error
    measured = np.abs(image) <= _LARGEST
    if image.shape != shape or not measured.any():
        raise BadStamp("its image holds no values")
    return np.where(measured, image, np.nan)
