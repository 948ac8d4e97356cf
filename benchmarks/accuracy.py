"""How far predictions are from published measurements that were not used in fitting, in percent.

Memory: real functions of 2020 from three sizes, those of 2025 leaving one size out, regret of the size chosen. Lifetime:
cold starts and instances of AWS Lambda in 2020, by a law fitted to other runs. With them, from `simulator.py` and
`closed_forms.py`: SimFaaS's worked example (mean servers; 7.696 +- 3 x 0.0233), the closed forms against the simulator
(percent), and 50,000 configurations pruned (seconds); from `oracles.py`, how many values of other programs were checked
(`oracles`) and hold (`oracles_held`). `--json` prints the same figures as one object; `costmodel accuracy` prints the
first two parts beside those of others.
"""

from __future__ import annotations

from closed_forms import closed_form_errors, prune_s
from figures import print_figures
from oracles import measure as oracles
from simulator import simfaas_servers

from costmodel.validation.figures import Measurement


def measure() -> dict[str, float]:
    closed_forms = {name: value for name, value in closed_form_errors().items()
                    if name in ("closed_form_cold", "closed_form_environments")}
    return {**Measurement().figures(), "simfaas_servers": simfaas_servers(), **closed_forms, "prune_50000_s": prune_s(), **oracles()}


if __name__ == "__main__":
    print_figures(__doc__, measure)
