"""The unit file agrees with the program and with the pages that describe it."""

import re
import shutil
import subprocess
import sys

import pytest

from ampel_watch.cli import cli
from ampel_watch.daemon import STOP_WITHIN_S
from ampel_watch.errors import ConfigError
from tests.docs.pages import PAGES, ROOT, text_of

UNIT = text_of("systemd/ampel-watch.service")
ANALYZE = shutil.which("systemd-analyze")
WORST_EXPOSURE = 1.5


def setting(name):
    (value,) = re.findall(rf"^{name}=(.*)$", UNIT, re.MULTILINE)
    return value


def test_it_starts_a_verb_that_exists():
    assert setting("ExecStart").split()[1] in cli.commands


def test_a_bad_configuration_is_not_tried_again():
    assert setting("RestartPreventExitStatus") == str(ConfigError.exit_code)


def test_a_stop_leaves_time_for_what_is_under_way():
    assert float(setting("TimeoutStopSec").removesuffix("s")) > STOP_WITHIN_S + 5


def test_the_pages_name_only_credentials_that_it_hands_over_or_that_they_tell_to_add():
    handed = set(re.findall(r"^LoadCredential=([\w-]+):", UNIT, re.MULTILINE)) | {"mail-password"}
    named = {
        name
        for page in PAGES
        for name in re.findall(r"/run/credentials/ampel-watch\.service/([\w-]+)", page.read_text(encoding="utf-8"))
    }
    assert {"live-token", "archive-token"} <= named <= handed


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")
def test_systemd_finds_it_sound_and_well_enclosed(tmp_path):
    unit = tmp_path / "ampel-watch.service"
    unit.write_text(re.sub(r"^(ExecStart=)\S+", rf"\g<1>{sys.executable}", UNIT, flags=re.MULTILINE))
    verified = subprocess.run([ANALYZE, "verify", unit], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (verified.returncode, verified.stderr) == (0, "")
    security = [ANALYZE, "security", "--offline=true", "--no-pager", unit]
    found = subprocess.run(security, capture_output=True, text=True, check=True).stdout
    assert float(re.search(r"exposure level for \S+: ([\d.]+)", found)[1]) <= WORST_EXPOSURE
