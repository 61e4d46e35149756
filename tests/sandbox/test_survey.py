from datetime import date

from ampel_watch.sandbox.survey import NIGHT_ZERO_JD, make_fields, moon_illumination, plan_night

FIRST = date(2026, 10, 1)
FIELDS = make_fields(3, FIRST, 6)
NIGHTS = [plan_night(3, FIRST, night, FIELDS) for night in range(60)]


def test_some_nights_are_lost_to_weather_and_most_are_not() -> None:
    lost = sum(not night for night in NIGHTS)
    assert 3 <= lost <= 20


def test_a_field_is_seen_in_g_and_r_every_second_night_and_less_often_in_i() -> None:
    for field in FIELDS:
        nights = [sorted(v.fid for v in night if v.field == field) for night in NIGHTS]
        seen = [fids for fids in nights if fids]
        assert all({1, 2} <= set(fids) for fids in seen)
        assert 0 < sum(3 in fids for fids in seen) < len(seen)


def test_visits_are_in_order_of_time_and_within_one_night() -> None:
    for night in filter(None, NIGHTS):
        assert [v.jd for v in night] == sorted(v.jd for v in night)
        assert len({v.nid for v in night}) == 1
        assert night[-1].jd - night[0].jd < 0.5


def test_image_numbers_encode_the_exposure() -> None:
    for visit in NIGHTS[0] or NIGHTS[1]:
        assert abs(visit.pid // 1000 / 1e6 - (visit.jd - NIGHT_ZERO_JD)) < 1e-5
        assert visit.pid % 10_000 == visit.field.rcid * 100 + 15


def test_limits_are_those_of_the_survey_and_moonlight_costs_depth() -> None:
    visits = [visit for night in NIGHTS for visit in night if visit.fid == 1]
    assert all(17.5 < visit.limit_mag < 21.5 for visit in visits)
    bright = [v.limit_mag for v in visits if moon_illumination(v.jd) > 0.9]
    dark = [v.limit_mag for v in visits if moon_illumination(v.jd) < 0.1]
    assert max(bright) < max(dark)
    assert sum(bright) / len(bright) < sum(dark) / len(dark) - 0.4


def test_a_night_depends_on_the_seed_alone() -> None:
    assert plan_night(3, FIRST, 9, FIELDS) == NIGHTS[9]
    assert plan_night(4, FIRST, 9, FIELDS) != NIGHTS[9]
