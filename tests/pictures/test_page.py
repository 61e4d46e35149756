"""What the page about pictures shows works as shown, through the public API alone."""

from dataclasses import replace

from ampel_watch.api import NoPictures, Subject
from ampel_watch.testing import notifier_context, sample_event
from tests.docs.pages import blocks
from tests.pictures.curves import NEW_JD, YOUNG


def shown(number):
    block = [block for block in blocks("python") if block.page.endswith("show-pictures.md")][number]
    names = {}
    exec(compile(block.text, str(block), "exec"), names)
    return names


class OnlyCutouts(NoPictures):
    async def cutouts(self, event):
        return b"PNG"


async def test_a_notifier_sends_the_pictures_that_there_are():
    attachments, event = shown(0)["attachments"], sample_event()
    context = replace(notifier_context(), pictures=OnlyCutouts())
    assert await attachments(event, context) == {f"{event.stock.name}-cutouts.png": b"PNG"}
    assert await attachments(event, notifier_context()) == {}


async def test_a_script_draws_a_light_curve_of_its_own():
    event = sample_event()
    subject = Subject(event.stock, event.time, YOUNG, {"dist_mod_mag": 35.5, "jd": NEW_JD}, {})
    assert (await shown(1)["picture_of"](subject)).startswith(b"\x89PNG")
