import io
import tarfile
from pathlib import Path
from typing import Any

import fastavro
import pytest

from ampel_watch.sandbox.packets import Damage, packet_of, read_avro, read_packets

SCHEMA = {
    "type": "record",
    "name": "alert",
    "fields": [
        {"name": "objectId", "type": "string"},
        {"name": "candid", "type": "long"},
        {"name": "candidate", "type": {"type": "map", "values": ["null", "double", "long", "string"]}},
        {
            "name": "prv_candidates",
            "type": ["null", {"type": "array", "items": {"type": "map", "values": ["null", "double"]}}],
        },
    ],
}  # fmt: skip


def record(candid: int = 1, jd: float = 2458300.5) -> dict[str, Any]:
    candidate = {"jd": jd, "candid": candid, "magpsf": 18.5, "programid": 1, "drb": None}
    history = [{"jd": jd - 1, "diffmaglim": 20.0, "magpsf": None}]
    return {"objectId": "ZTF18aaaaaaa", "candid": candid, "candidate": candidate, "prv_candidates": history}


def avro(*records: dict[str, Any], block: int = 1) -> bytes:
    out = io.BytesIO()
    fastavro.writer(out, SCHEMA, records, sync_interval=block)
    return out.getvalue()


def test_a_packet_loses_its_nulls_and_knows_that_it_has_no_version_or_cutouts() -> None:
    packet = packet_of(record())
    assert "drb" not in packet.candidate
    assert packet.history == ({"jd": 2458299.5, "diffmaglim": 20.0},)
    assert (packet.schema, packet.cutouts) == (None, None)


def test_all_records_of_a_file_are_read() -> None:
    records, fault = read_avro(avro(record(1), record(2)))
    assert ([r["candid"] for r in records], fault) == ([1, 2], None)


@pytest.mark.parametrize("content", [b"", b"garbage", avro(record())[:40], b"Obj\x01" + bytes(50)])
def test_what_is_no_avro_is_named_and_gives_nothing(content: bytes) -> None:
    records, fault = read_avro(content)
    assert records == []
    assert fault


def test_the_first_record_of_a_damaged_file_is_kept() -> None:
    content = avro(record(1), record(2))
    records, fault = read_avro(content[:-30])
    assert [r["candid"] for r in records] == [1]
    assert fault


def test_avro_of_something_else_is_no_alert() -> None:
    out = io.BytesIO()
    schema = {"type": "record", "name": "x", "fields": [{"name": "a", "type": "int"}]}
    fastavro.writer(out, schema, [{"a": 1}])
    assert read_avro(out.getvalue()) == ([], "ValueError: not a ZTF alert packet")


def test_folders_are_read_with_their_archives_in_order_of_time_each_candid_once(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "b.avro").write_bytes(avro(record(2, 2458302.5)))
    (tmp_path / "deep" / "a.avro").write_bytes(avro(record(1, 2458301.5)))
    (tmp_path / "notes.txt").write_text("not an alert")
    with tarfile.open(tmp_path / "night.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "b.avro", "again.avro")
    report = read_packets(tmp_path)
    assert [packet.candid for packet in report.packets] == [1, 2]
    assert (report.files, report.damaged) == (3, ())


def test_a_truncated_archive_is_named_and_its_first_files_are_kept(tmp_path: Path) -> None:
    whole = tmp_path / "whole.tar"
    with tarfile.open(whole, "w") as archive:
        for candid in (1, 2):
            (tmp_path / "one").write_bytes(avro(record(candid)))
            archive.add(tmp_path / "one", f"{candid}.avro")
    cut = tmp_path / "cut.tar"
    one_member = 512 + -(-len(avro(record(1))) // 512) * 512  # a header, and the content in whole blocks
    cut.write_bytes(whole.read_bytes()[: one_member + 512 + 100])
    report = read_packets(cut)
    assert [packet.candid for packet in report.packets] == [1]
    assert [(damage.file, damage.kept) for damage in report.damaged] == [("cut.tar", 0)]
    assert "cut.tar" in str(report)


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        read_packets(tmp_path / "nowhere")


def test_the_real_packets_are_all_accounted_for(alert_files: Path) -> None:
    report = read_packets(alert_files)
    assert (report.files, len(report.packets)) == (49, 47)
    kept = {Path(damage.file).stem: damage.kept for damage in report.damaged}
    assert kept == {
        "516401801315010009": 1,
        "516434762915010006": 0,
        "516442330015015017": 1,
        "516442805615015004": 0,
        "516476004815015005": 1,
    }
    assert all(damage.reason for damage in report.damaged)
    assert isinstance(report.damaged[0], Damage)
    unversioned = [packet for packet in report.packets if packet.schema is None]
    assert len(unversioned) == 13
    assert {packet.candidate["programid"] for packet in report.packets if packet.name == "ZTF18abxhyqv"} == {2}


def test_cutouts_are_kept_up_to_a_limit(alert_files: Path) -> None:
    some = read_packets(alert_files, keep_cutout_bytes=200_000)
    assert 0 < sum(packet.cutouts is not None for packet in some.packets) < 10
    assert len(some.packets) == 47
