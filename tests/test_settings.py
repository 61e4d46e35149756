from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ampel_watch.settings import (
    Duration,
    RatePerSecond,
    Secret,
    Settings,
    models_in,
    parse_duration,
    parse_rate,
    secret_fields,
)


class Sample(Settings):
    token: Secret | None = None
    key: Secret = Secret("default")
    names: tuple[str, ...] = ()
    maybe: tuple[int, ...] | None = None
    headers: dict[str, Secret] | None = None
    every: Duration = timedelta(seconds=1)
    rate: RatePerSecond = 1.0


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("5m", 300), ("2h", 7200), ("1d", 86400), ("250ms", 0.25), ("1.5 h", 5400)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "value", ["", "5", "m", "-5m", "5 minutes", "1h30m", 5, None, True, "9" * 400 + "d", "99999999999d"]
)
def test_what_is_no_duration(value: object) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(value)


@pytest.mark.parametrize(("text", "per_second"), [("10/s", 10.0), ("30/m", 0.5), ("36 / h", 0.01)])
def test_rates(text: str, per_second: float) -> None:
    assert parse_rate(text) == pytest.approx(per_second)


@pytest.mark.parametrize("value", ["10", 10, "0/s", "-1/s", "1/d", None])
def test_what_is_no_rate(value: object) -> None:
    with pytest.raises(ValueError, match="rate"):
        parse_rate(value)


@given(st.text(min_size=4))
def test_a_secret_shows_itself_nowhere(text: str) -> None:
    secret = Secret(text)
    shown = f"{secret} {secret!r} {secret:}"
    assert secret.reveal() == text
    assert shown == "Secret('***') Secret('***') Secret('***')"


def test_a_secret_file_is_read_at_every_use(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one\n")
    sample = Sample.model_validate({"token_file": str(file)})
    assert sample.token is not None
    assert sample.token.reveal() == "one"
    file.write_text("two\n")
    assert sample.token.reveal() == "two"
    assert "two" not in repr(sample)


def test_a_secret_is_a_value_or_a_file() -> None:
    with pytest.raises(ValidationError, match="give either token or token_file, not both"):
        Sample.model_validate({"token": "a", "token_file": "b"})
    with pytest.raises(ValueError, match="either a value or a file"):
        Secret()


def test_secret_fields_are_those_that_take_a_file() -> None:
    assert secret_fields(Sample) == ("token", "key")


def test_models_are_found_at_any_depth_of_an_annotation() -> None:
    assert models_in(dict[str, tuple[Sample, ...] | None] | Annotated[Sample, "twice"]) == [Sample, Sample]
    assert models_in(Literal["x"] | None) == []


def test_lists_are_taken_for_tuples() -> None:
    sample = Sample.model_validate({"names": ["a", "b"], "maybe": [1]})
    assert (sample.names, sample.maybe) == (("a", "b"), (1,))


@pytest.mark.parametrize(
    "data", [{"names": "ab"}, {"names": [1]}, {"maybe": ["1"]}, {"nmaes": []}, {"rate": 10}, {"key": 5}]
)
def test_settings_are_strict(data: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Sample.model_validate(data)


def test_a_validation_error_shows_no_input() -> None:
    with pytest.raises(ValidationError) as caught:
        Sample.model_validate({"every": "hunter2", "names": "hunter2", "rate": "hunter2", "hunter": "hunter2"})
    assert "hunter2" not in str(caught.value)
