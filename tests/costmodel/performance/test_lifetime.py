from datetime import UTC, date, datetime

import pytest

from costmodel.errors import InsufficientDataError
from costmodel.performance.lifetime import dated_lifetimes, default_lifetime


def test_the_latest_law_lets_idle_environments_live_five_minutes_and_says_its_origin() -> None:
    law = default_lifetime()
    assert 300 <= law.idle_s.quantile(0.25) < law.idle_s.quantile(0.95) <= 350
    assert "2025" in law.origin


def test_survival_of_2025_matches_the_published_probes() -> None:
    idle = default_lifetime(date(2025, 6, 1)).idle_s.quantiles
    survival = {s: float((idle > s).mean()) for s in (300, 315, 330, 345, 360)}
    assert survival == pytest.approx({300: 0.92, 315: 0.57, 330: 0.32, 345: 0.06, 360: 0.0}, abs=0.02)


def test_a_date_of_2020_gives_the_law_of_2020() -> None:
    law = default_lifetime(date(2020, 5, 1))
    assert law.function_idle_s is not None
    assert 618 <= law.function_idle_s.mean <= 660
    assert law.idle_s.quantile(0.2) > 1369
    assert 0.04 < (law.idle_s.quantiles < 600).mean() < 0.08
    assert law.maximum_age_s.quantiles[-1] < 2.08 * 3600


def test_before_anything_was_measured_there_is_no_default() -> None:
    with pytest.raises(InsufficientDataError, match="nothing measured before 2020-04-01"):
        default_lifetime(date(2016, 1, 1))


def test_a_time_of_day_is_of_its_day() -> None:
    assert default_lifetime(datetime(2020, 5, 1, 12, tzinfo=UTC)) == default_lifetime(date(2020, 5, 1))


def test_the_dated_laws_begin_with_the_latest_and_each_says_its_origin() -> None:
    laws = dated_lifetimes()
    assert [day for day, _ in laws] == sorted((day for day, _ in laws), reverse=True)
    assert laws[0][1] == default_lifetime()
    assert all(law.origin and default_lifetime(day) == law for day, law in laws)
