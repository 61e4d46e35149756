"""ZTF alert packets: what one is, and how to read them from a folder or an archive file.

Packets are distributed as Avro files, singly or as tar.gz of a night. Real collections hold damaged files; those are
named in the report and do not stop the reading. A file whose first record is good and whose rest is not yields it.
"""

import io
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import fastavro

Document = dict[str, Any]
CutoutBytes = Mapping[str, tuple[str, bytes]]

PACKET_ONLY = frozenset({"pdiffimfilename", "programpi"})
CUTOUTS = ("cutoutScience", "cutoutTemplate", "cutoutDifference")
KEPT_CUTOUT_BYTES = 256 * 1024 * 1024
_TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz")
# What fastavro raises on bytes that are no Avro, or end too early: it has no error tree of its own.
_AVRO_FAULTS = (ValueError, IndexError, KeyError, TypeError, EOFError, OverflowError, MemoryError, zlib.error)


@dataclass(frozen=True, slots=True)
class Packet:
    """One alert as IPAC issues it, without its null fields.

    Attributes
    ----------
    history: detections and upper limits of the 30 days before.
    schema: packet schema version; None for schema 1.8, which does not say.
    cutouts: makes the three cutouts (name → file name and gzipped FITS); None where there are none.
    extra: top-level keys beside the usual ones, such as `fp_hists`.
    """

    candid: int
    name: str
    jd: float
    candidate: Document
    history: tuple[Document, ...]
    schema: str | None
    publisher: str | None
    cutouts: Callable[[], CutoutBytes] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def order(self) -> tuple[float, int]:
        """What packets are sorted by; several may share a jd."""
        return self.jd, self.candid


@dataclass(frozen=True, slots=True)
class Damage:
    """A file that could not be read, or not wholly; `kept` records of it are used all the same."""

    file: str
    reason: str
    kept: int


@dataclass(frozen=True, slots=True)
class PacketReport:
    """What a reading gave: packets in order of (jd, candid), each candid once."""

    packets: tuple[Packet, ...]
    files: int
    damaged: tuple[Damage, ...]

    def __str__(self) -> str:
        lines = [f"{len(self.packets)} packets from {self.files} files, {len(self.damaged)} of them damaged"]
        lines += [f"{damage.file}: {damage.reason} ({damage.kept} records kept)" for damage in self.damaged]
        return "\n".join(lines)


def read_packets(path: Path, *, keep_cutout_bytes: int = KEPT_CUTOUT_BYTES) -> PacketReport:
    """Read every Avro file below `path` (a folder, a tar archive or one Avro file), archives included.

    Stamps are kept until `keep_cutout_bytes` are reached; later packets are as if archived without. OSError if
    `path` itself cannot be read.
    """
    packets: dict[int, Packet] = {}
    damaged: list[Damage] = []
    files = 0
    room = keep_cutout_bytes
    for name, content in _contents(path):
        if isinstance(content, str):
            damaged.append(Damage(name, content, 0))
            continue
        files += 1
        records, reason = read_avro(content)
        if reason is not None:
            damaged.append(Damage(name, reason, len(records)))
        for record in records:
            room -= sum(len(cutout) for _, cutout in _cutouts_of(record).values())
            packet = packet_of(record, with_cutouts=room >= 0)
            packets.setdefault(packet.candid, packet)
    ordered = tuple(sorted(packets.values(), key=lambda packet: packet.order))
    return PacketReport(ordered, files, tuple(damaged))


def _contents(path: Path) -> Iterator[tuple[str, bytes | str]]:
    """Name and bytes of each Avro file at or below a path; instead of bytes, why an archive ended early."""
    if path.is_dir():
        for entry in sorted(path.iterdir()):
            if entry.is_dir() or entry.name.endswith((".avro", *_TAR_SUFFIXES)):
                yield from _contents(entry)
    elif path.name.endswith(_TAR_SUFFIXES):
        yield from _members(path)
    else:
        yield path.name, path.read_bytes()


def _members(path: Path) -> Iterator[tuple[str, bytes | str]]:
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                content = archive.extractfile(member) if member.name.endswith(".avro") else None
                if content is not None:
                    yield f"{path.name}/{member.name}", content.read()
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        yield path.name, f"{type(error).__name__}: {error}"


def read_avro(content: bytes) -> tuple[list[Document], str | None]:
    """The records of an Avro file up to the first fault, and that fault in words."""
    records: list[Document] = []
    try:
        # `extend` keeps what came before the fault.
        records.extend(map(_checked, fastavro.reader(io.BytesIO(content))))
    except _AVRO_FAULTS as error:
        return records, f"{type(error).__name__}: {error}"
    return records, None


def _checked(record: object) -> Document:
    """The record, if it is a ZTF alert; ValueError if it is something else."""
    if not isinstance(record, dict) or not {"objectId", "candid", "candidate"} <= record.keys():
        raise ValueError("not a ZTF alert packet")
    return record


def _without_nulls(point: Mapping[str, Any]) -> Document:
    return {key: value for key, value in point.items() if value is not None}


def stored(point: Mapping[str, Any]) -> Document:
    """The fields of a point that databases keep: not the names of files and persons."""
    return {key: value for key, value in point.items() if key not in PACKET_ONLY}


def _cutouts_of(record: Document) -> dict[str, tuple[str, bytes]]:
    present = {key: record[key] for key in CUTOUTS if record.get(key)}
    return {key: (cutout["fileName"], cutout["stampData"]) for key, cutout in present.items()}


def packet_of(record: Document, *, with_cutouts: bool = True) -> Packet:
    """The packet that one Avro record is."""
    usual = {"schemavsn", "publisher", "objectId", "candid", "candidate", "prv_candidates", *CUTOUTS}
    cutouts = _cutouts_of(record) if with_cutouts else {}
    return Packet(
        candid=record["candid"],
        name=record["objectId"],
        jd=record["candidate"]["jd"],
        candidate=_without_nulls(record["candidate"]),
        history=tuple(_without_nulls(point) for point in record.get("prv_candidates") or ()),
        schema=record.get("schemavsn"),
        publisher=record.get("publisher"),
        cutouts=partial(dict, cutouts) if cutouts else None,
        extra={key: value for key, value in record.items() if key not in usual and value is not None},
    )
