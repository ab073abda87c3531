"""Reads the latencies of a results folder with HdrHistogram's own reader for
Python, and holds them against what the experiments' JSON says of them.

    hlog.py FOLDER
"""

import json
import sys
from pathlib import Path

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

# Three significant digits: as wide as a bucket may be.
BUCKET = 0.002


def intervals(path):
    """Each interval of a log: the trial's number, its tag, its histogram."""
    reader = HistogramLogReader(str(path), HdrHistogram(1, 2**62, 3))
    while (one := reader.get_next_interval_histogram()) is not None:
        yield round(one.get_start_time_stamp() / 1000), one.get_tag(), one


def check(experiment, log):
    """How many trials were compared."""
    trials, compared = experiment["trials"], 0
    for number, tag, histogram in intervals(log):
        trial, figures = trials[number], trials[number]["figures"]
        cell = [trial["model"], "x=%g" % trial["x"]] + [trial[k] for k in ["variant"] if k in trial]
        assert tag == "/".join(cell), f"trial {number}: {tag} is not {cell}"
        assert "void" not in trial, f"trial {number} is void"
        seconds = (histogram.get_end_time_stamp() - histogram.get_start_time_stamp()) / 1000
        answered = figures["requests_per_second"] * seconds
        assert histogram.total_count == round(answered), f"{tag}: {histogram.total_count} {answered}"
        for share in 50, 99:
            # Requests that were never answered count in ours, and are in no histogram.
            if figures["censored"] or (ours := figures.get(f"latency_p{share}_us")) is None:
                continue
            # Readers round the rank up or down: ours is between its neighbours.
            rank = 100 / histogram.total_count
            low, high = (histogram.get_value_at_percentile(share + by) / 1000 for by in (-rank, rank))
            alike = low * (1 - BUCKET) <= ours <= high * (1 + BUCKET)
            assert alike, f"{tag} p{share}: {ours} is not in {low} ... {high}"
            compared += 1
    return compared


for log in sorted(Path(sys.argv[1], "histograms").glob("*.hlog")):
    experiment = json.loads(Path(sys.argv[1], log.stem + ".json").read_text())
    compared = check(experiment, log)
    assert compared, f"nothing was compared in {log}"
    print(f"{log.stem}: {compared} percentiles alike, and every count")
