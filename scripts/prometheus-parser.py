"""Reads Prometheus' text format from standard input with the parser of Prometheus' own client, and gives JSON.

Fails on what that parser refuses. A histogram is looked at once more, since the parser takes any numbers: its buckets
have to rise, and the last of them has to be its count.
"""

import json
import sys

from prometheus_client.parser import text_string_to_metric_families

families = []
for family in text_string_to_metric_families(sys.stdin.read()):
    samples = [{"name": one.name, "labels": one.labels, "value": one.value} for one in family.samples]
    if family.type == "histogram":
        series = {}
        for one in family.samples:
            labels = tuple(sorted((name, value) for name, value in one.labels.items() if name != "le"))
            series.setdefault(labels, []).append(one)
        for labels, own in series.items():
            buckets = sorted((float(one.labels["le"]), one.value) for one in own if one.name.endswith("_bucket"))
            count = next(one.value for one in own if one.name.endswith("_count"))
            values = [value for _, value in buckets]
            if values != sorted(values) or values[-1] != count or buckets[-1][0] != float("inf"):
                sys.exit(f"{family.name}{dict(labels)}: buckets {buckets} of {count}")
            next(one for one in own if one.name.endswith("_sum"))
    families.append({"name": family.name, "type": family.type, "samples": samples})
json.dump(families, sys.stdout)
