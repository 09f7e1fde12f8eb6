"""From the results of runs to a table: medians, and what they are of the fastest peer's."""
import statistics

OURS = "millrace"
#: A run in which other processes took more of the cores than this is marked.
LOUD = 0.04


def median(runs, key):
    """The median run's value; of an even number the lower of the middle two, as `millrace bench` has it."""
    return statistics.median_low([run["figures"][key] for run in runs])


def medians(runs, metrics):
    """The median of each metric; the output tokens per second are those of the run with the median time."""
    found = {key: median(runs, key) for key in metrics}
    if "seconds" in found:
        at = next(run for run in runs if run["figures"]["seconds"] == found["seconds"])
        found["output_tokens_per_second"] = at["figures"]["output_tokens_per_second"]
    return found


def agreement(runs, ours):
    """Share of prompts whose first token is the one that Millrace gave with the same weights; None without its runs."""
    same = total = 0
    mine = {run["run"]: run["first_tokens"] for run in ours}
    for run in runs:
        for a, b in zip(run["first_tokens"], mine.get(run["run"], [])):
            total += 1
            same += a == b
    return same / total if total else None


def rows(results, metrics):
    """One row per engine and weights, with medians of the metrics; metrics maps a name to 'low' or 'high', which is better.

    A ratio is the row's median over the best peer's in the whole table, whatever its weights.
    """
    groups = {}
    for result in results:
        groups.setdefault((result["engine"], result["weights"]), []).append(result)
    table = []
    for (engine, weights), runs in groups.items():
        ours = groups.get((OURS, weights), [])
        table.append({
            "engine": engine, "weights": weights, "settings": runs[0]["settings"], "version": runs[0]["figures"].get("version", ""),
            "median": medians(runs, metrics),
            "runs": {key: [run["figures"][key] for run in runs] for key in metrics},
            "others_share": [run["others_share"] for run in runs],
            "first_token_agreement": None if engine == OURS else agreement(runs, ours)})
    for key, better in metrics.items():
        peers = [row["median"][key] for row in table if row["engine"] != OURS]
        best = (min if better == "low" else max)(peers, default=None)
        for row in table:
            row.setdefault("ratio", {})[key] = row["median"][key] / best if best else None
    first = next(iter(metrics))
    table.sort(key=lambda row: row["median"][first], reverse=metrics[first] == "high")
    return table


def number(value):
    if value is None:
        return "–"
    digits = 0 if value >= 1000 else 1 if value >= 100 else 2
    return f"{value:,.{digits}f}"


def markdown(table, metrics, not_run):
    """The table as people read it."""
    names = {"seconds": "seconds", "prefill_tokens_per_second": "prefill tok/s",
             "decode_tokens_per_second": "decode tok/s"}
    head = ["engine", "weights"]
    for key in metrics:
        head += [names[key] + " (median)", "× best peer"]
        head += ["output tok/s"] if key == "seconds" else []
    head += ["runs", "others' share of the cores", "same first token", "settings"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in table:
        cells = [row["engine"], row["weights"]]
        for key in metrics:
            cells += [number(row["median"][key]), number(row["ratio"][key])]
            cells += [number(row["median"]["output_tokens_per_second"])] if key == "seconds" else []
        runs = "; ".join(" ".join(map(number, row["runs"][key])) for key in metrics)
        share = " ".join(f"{100 * s:.0f} %" + ("*" if s > LOUD else "") for s in row["others_share"])
        same = "–" if row["first_token_agreement"] is None else f"{100 * row['first_token_agreement']:.0f} %"
        lines.append("| " + " | ".join([*cells, runs, share, same, row["settings"]]) + " |")
    lines += [f"\n{name} ({weights}) not run: {reason}" for name, weights, reason in not_run]
    if any(s > LOUD for row in table for s in row["others_share"]):
        lines.append(f"\n* other processes took over {100 * LOUD:.0f} % of the cores during this run: not a clean figure")
    return "\n".join(lines)
