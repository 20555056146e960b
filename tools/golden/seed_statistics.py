"""Goldens of the sweep's inference over seeds: SciPy and statsmodels on made data.

    pip install scipy statsmodels
    python tools/golden/seed_statistics.py        # writes tests/golden/statistics/

Paired t tests by scipy.stats.ttest_rel, equivalence by statsmodels' ttost_paired, Holm's correction by its multipletests, the parts of
a crossed design by its analysis of variance (two factors, one value a cell: the mean squares divided by the number of cells).
"""
import json
import pathlib

import numpy as np
import pandas
import scipy
import scipy.stats
import statsmodels
import statsmodels.formula.api
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

out = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/statistics"


def paired(a, b, margins):
    test = scipy.stats.ttest_rel(a, b)
    interval = test.confidence_interval(0.95)
    return {"a": list(a), "b": list(b), "t": test.statistic, "df": test.df, "p": test.pvalue, "low": interval.low, "high": interval.high,
            "tost": [{"margin": m, "p": ttost_paired(a, b, -m, m)[0]} for m in margins]}


def crossed(d):
    n, m = d.shape
    table = pandas.DataFrame({"d": d.ravel(), "seed": np.repeat(np.arange(n), m), "image": np.tile(np.arange(m), n)})
    squares = anova_lm(statsmodels.formula.api.ols("d ~ C(seed) + C(image)", table).fit())["mean_sq"] / (n * m)
    return {"d": d.tolist(), "mean": d.mean(), "seeds": squares["C(seed)"], "images": squares["C(image)"],
            "interaction": squares["Residual"]}


def main():
    out.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(21)
    t = scipy.stats.t
    tails = [{"t": x, "df": df, "p": t.sf(x, df), "cdf": t.cdf(x, df)} for df in (1, 2, 4, 7, 19, 199, 2.5)
             for x in (-3.0, -0.1, 0.0, 0.7, 2.3, 12.706, 60.0)]
    quantiles = [{"p": p, "df": df, "t": t.ppf(p, df)} for df in (1, 2, 4, 7, 19, 199) for p in (0.001, 0.05, 0.5, 0.9, 0.975, 0.9995)]
    pairs = []
    for n, shift, spread in ((2, 0.1, 0.05), (3, 0.004, 0.01), (5, 0.03, 0.01), (8, -0.002, 0.008), (20, -0.05, 0.06)):
        base = random.normal(0.8, 0.03, n)
        pairs.append(paired(base + random.normal(shift, spread, n), base, (0.005, 0.02, 0.1)))
    lists = [random.uniform(0, 1, 7) ** 4, np.array([0.01, 0.01, 0.04, 0.03]), np.array([0.2]), random.uniform(0, 0.02, 12)]
    holm = [{"p": p.tolist(), "adjusted": multipletests(p, method="holm")[1].tolist()} for p in lists]
    d = random.normal(0, 0.5, (4, 1)) + random.normal(0, 1, (1, 9)) + random.normal(0.2, 0.8, (4, 9))
    flags = random.integers(-1, 2, (3, 11)).astype(float)
    reference = {"tails": tails, "quantiles": quantiles, "paired": pairs, "holm": holm, "crossed": [crossed(d), crossed(flags)]}
    (out / "reference.json").write_text(json.dumps(reference, indent=1, default=float) + "\n")
    (out / "VERSIONS").write_text(f"numpy {np.__version__}, scipy {scipy.__version__}, statsmodels {statsmodels.__version__}; "
                                  "tools/golden/seed_statistics.py\n")


if __name__ == "__main__":
    main()
