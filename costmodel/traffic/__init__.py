"""A month of traffic from a few days of counts: CloudWatch metrics, or the times of an access log. Times are UTC.

    Counts ─ fit_traffic ─▶ Traffic ─ month_of ─▶ Workload

Requests of one trigger in each period (a minute, where there are minutes) are taken as

    mean      level x daily[hour of the day] x weekly[day of the week] x exp(growth x days)      [requests/s]
    variance  of a period's count m:  m + d m^2        d: over-dispersion; 0 is Poisson

d is told by neighbouring periods, from an access log also by seconds (`dispersion`). Days differ by a factor of their own,
log-normal, hours within a day by another, gamma (`spread`). A week's shape needs seven days of counts (`factors`), growth
fourteen; with fewer there is none, and a note says so.

Intervals are those of months drawn from all that the counts leave open: how much days differ, growth, days of the week that
were not seen (`spread`). A minute that the bursts do not explain is a surge (`surges`). One rarer than the counts are long is
in no interval.

The month becomes a Workload (`month`): the day or week once, hours shortened alike where they would hold too many requests,
with the rate drawn anew (gamma) for every second and minute by its over-dispersion (`bursty`).
"""

from costmodel.traffic.bursty import Bursty
from costmodel.traffic.counts import Counts
from costmodel.traffic.fitting import fit_traffic
from costmodel.traffic.month import MOST_REQUESTS, Range, Traffic, month_of

__all__ = ["MOST_REQUESTS", "Bursty", "Counts", "Range", "Traffic", "fit_traffic", "month_of"]
