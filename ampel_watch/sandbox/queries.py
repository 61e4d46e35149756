"""The archive's request models, in pydantic as in the real program, so that its 422 lists come out the same."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, model_validator

MAX_CHUNK = 10_000
Operator = Literal["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin"]


def _with_operators(value: Any) -> Any:
    """``{field: value}`` is short for ``{field: {"$eq": value}}``."""
    if not isinstance(value, dict):
        return value
    return {key: test if isinstance(test, dict) else {"$eq": test} for key, test in value.items()}


CandidateFilter = Annotated[dict[str, dict[Operator, Any]], BeforeValidator(_with_operators)]


class _Strict(BaseModel):
    """A body in which unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class TimeConstraint(_Strict):
    """`$gt` is in fact ≥."""

    lt: float | None = Field(None, alias="$lt")
    gt: float | None = Field(None, alias="$gt")


class StrictTimeConstraint(_Strict):
    """Both ends are required."""

    lt: float = Field(alias="$lt")
    gt: float = Field(alias="$gt")


class ConeConstraint(_Strict):
    """Degrees."""

    ra: float
    dec: float
    radius: float = Field(gt=0, lt=10)


class Region(_Strict):
    """HEALPix pixels, nested order."""

    nside: int = Field(gt=0, le=8192)
    pixels: list[int]


class _Query(_Strict):
    candidate: CandidateFilter | None = None


ChunkSize = Annotated[int, Field(ge=0, le=MAX_CHUNK)]


class AlertQuery(_Query):
    """By position, by time, or both."""

    cone: ConeConstraint | None = None
    jd: TimeConstraint = TimeConstraint()
    chunk_size: ChunkSize = 100

    @model_validator(mode="before")
    @classmethod
    def _constrained(cls, value: Any) -> Any:
        if not {"cone", "jd"} & value.keys():
            raise ValueError("At least one constraint (cone or jd) must be specified")
        return value


class ObjectQuery(_Query):
    """By name."""

    names: str | list[str] = Field(alias="objectId")
    jd: TimeConstraint = TimeConstraint()
    chunk_size: ChunkSize = 100


class HEALpixRegionQuery(_Query):
    """By pixels and time."""

    jd: StrictTimeConstraint
    regions: list[Region]
    latest: bool = False
    with_history: bool = False
    with_cutouts: bool = False
    resume_token: str | None = None
    chunk_size: ChunkSize = 100


StreamQuery = AlertQuery | ObjectQuery | HEALpixRegionQuery
STREAM_QUERY: TypeAdapter[StreamQuery] = TypeAdapter(StreamQuery)


class TopicDescription(BaseModel):
    """A new topic."""

    description: str
    candids: list[int]


class TopicQuery(BaseModel):
    """A stream of a topic."""

    topic: str
    chunk_size: int = Field(100, ge=100, le=MAX_CHUNK)
    start: int | None = None
    stop: int | None = None
    step: int | None = None


class Programme(BaseModel):
    """1 public, 2 partnership, 3 Caltech."""

    programid: int | None = None


class ObjectAlerts(Programme):
    """Of `/object/{objectId}/alerts`."""

    jd_start: float | None = None
    jd_end: float | None = None
    with_history: bool = False
    limit: int | None = None
    start: int | None = None


class Photopoints(Programme):
    """Of `/object/{objectId}/photopoints`."""

    jd_start: float | None = None
    jd_end: float | None = None
    upper_limits: bool = True


class _Page(Programme):
    with_history: bool = False
    chunk_size: int = Field(100, gt=0)
    resume_token: str | None = None


class TimeRange(_Page):
    """Of `/alerts/time_range`."""

    jd_start: float
    jd_end: float


class Cone(Programme):
    """Of `/objects/cone_search`; degrees."""

    ra: float
    dec: float
    radius: float
    jd_start: float
    jd_end: float


class ConeRange(Cone):
    """Of `/alerts/cone_search`."""

    latest: bool = False
    with_history: bool = False
    chunk_size: int = Field(100, gt=0)
    resume_token: str | None = None


class HealpixRange(_Page):
    """Of `/alerts/healpix`; the pixel may be repeated and is read apart."""

    nside: Literal["1", "2", "4", "8", "16", "32", "64", "128", "256", "512", "1024", "2048", "4096", "8192"] = "64"
    jd_start: float
    jd_end: float
    latest: bool = False


class ChunkCall(BaseModel):
    """Of `/stream/{resume_token}/chunk`: here, and here only, history comes unasked."""

    with_history: bool = True
