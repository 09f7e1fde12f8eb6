"""Times Millrace beside other engines on one and the same job; started by ops/compare. See --help."""
import argparse
import datetime
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import measure  # noqa: E402
import peers as engines  # noqa: E402
import table  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
METRICS = {"batch": {"seconds": "low"},
           "single-stream": {"prefill_tokens_per_second": "high", "decode_tokens_per_second": "high"}}
#: Seed of the random weights; run N has the prompts of seed N.
SEED = 1

TEXT = """Times Millrace beside other engines: the same random weights, the same prompts as token ids, the same cores. Greedy, an end
of text is ignored, and a run counts only if every prompt has its full answer.

Engines are installed, at pinned versions, into a folder of their own (vllm and openvino take about 6 GB each; llama.cpp is built
from source). One that cannot be installed or fails is listed as not run, with the reason. Rounds go through all engines in turn,
each run in a new process that loads, warms up and is then timed. What is there already, installed or measured on the same day, is
not done again.

Exit codes: 0 the table has figures, 1 no engine ran (with --install-only: one could not be installed), 2 wrong command line."""
EXAMPLES = """examples:
  ops/compare                                        # 256 prompts of 512 shared + 64 own tokens, 64 output tokens, all engines
  ops/compare --job single-stream --shape 1b --weights int8
  ops/compare --peers millrace,openvino --workload sharegpt --prompts 64 --json out.json"""


def parse(argv, names):
    parser = argparse.ArgumentParser(prog="ops/compare", description=TEXT, epilog=EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    parser.add_argument("--job", choices=list(METRICS), default="batch",
                        help="batch: all prompts at once; single-stream: prefill of 512 tokens, then decode of 64 (default batch)")
    parser.add_argument("--workload", default="shared-prefix", help="of a batch, as in millrace bench (default shared-prefix)")
    parser.add_argument("--shape", default="110m", help="of the random model: tiny, 110m or 1b (default 110m)")
    for name in ("prompts", "shared", "unique", "output"):
        parser.add_argument("--" + name, type=int, metavar="N", help=f"as in millrace bench --{name}")
    parser.add_argument("--weights", default="int8,bf16", metavar="LIST", help="int8, bf16 or both (default int8,bf16)")
    parser.add_argument("--peers", default=",".join(names), metavar="LIST", help=f"which engines (default {','.join(names)})")
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="rounds (default 3)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), metavar="N",
                        help="threads of each engine, and the cores it is confined to (default: all cores)")
    parser.add_argument("--json", type=pathlib.Path, metavar="OUT", help="write the table and all runs to this file")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path(cache) / "millrace-compare", metavar="DIR",
                        help="engines, models and results (default %(default)s)")
    parser.add_argument("--fresh", action="store_true", help="measure again what was measured today")
    parser.add_argument("--install-only", action="store_true", help="install the engines and make their models; run nothing")
    parser.add_argument("--timeout", type=int, default=1800, metavar="SECONDS", help="most that one run may take (default 1800)")
    parser.add_argument("--millrace", default=shlex.quote(str(ROOT / "millrace")), metavar="COMMAND",
                        help="starts Millrace (default: this checkout's)")
    args = parser.parse_args(argv)
    args.peers, args.weights = args.peers.split(","), args.weights.split(",")
    for given, known, what in ((args.peers, names, "engine"), (args.weights, ["int8", "bf16"], "weights")):
        for name in given:
            if name not in known:
                parser.error(f"there is no {what} {name!r}; choose from {','.join(known)}")
    if args.runs < 1 or args.threads < 1 or args.threads > len(os.sched_getaffinity(0)):
        parser.error(f"--runs must be at least 1, --threads from 1 to {len(os.sched_getaffinity(0))}")
    if args.json and not args.json.absolute().parent.is_dir():
        parser.error(f"--json: there is no folder {args.json.absolute().parent}")
    args.folder = args.folder.resolve()
    return args


def say(text):
    print(text, flush=True)


def job_options(args):
    """The options of `millrace bench` that say which job."""
    if args.job == "single-stream":
        return ["--single-stream"]
    options = ["--workload", args.workload]
    for name in ("prompts", "shared", "unique", "output"):
        if getattr(args, name) is not None:
            options += ["--" + name, str(getattr(args, name))]
    return options


def bench(args, options, what):
    """Has Millrace write something; ends the comparison if it cannot."""
    done = subprocess.run([*shlex.split(args.millrace), "bench", *options], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"compare: Millrace could not write the {what}:\n{done.stderr.strip()}")


class Job:
    """The prompts of all runs, and where results are kept."""

    def __init__(self, args):
        name = "-".join([args.job, args.shape, *(o.removeprefix("--") for o in job_options(args)[1:]), f"{args.threads}t"])
        self.options = job_options(args)
        self.base = args.folder / "models" / args.shape
        self.prompts = args.folder / "prompts" / name
        self.results = args.folder / "results" / datetime.date.today().isoformat() / name
        self.results.mkdir(parents=True, exist_ok=True)
        engines.made(self.base / "hf", lambda part: bench(
            args, ["--shape", args.shape, "--seed", str(SEED), "--write-model", str(part)], "model"))
        if not (self.prompts / f"run-{args.runs}.jsonl").exists():
            bench(args, [*self.options, "--shape", args.shape, "--seed", str(SEED), "--repeat", str(args.runs), "--write-prompts",
                         str(self.prompts)], "prompts")
        longest = max(len(p.tokens) + p.output for file in self.prompts.glob("*.jsonl") for p in measure.read_prompts(file))
        self.max_length = (longest + 1 + 63) // 64 * 64


def busy_seconds():
    """Core seconds that the machine has worked since it started."""
    with open("/proc/stat") as file:
        ticks = list(map(int, file.readline().split()[1:9]))
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


def watched(command, environment, log, threads, timeout):
    """Runs a command on the first cores; returns the share of all cores that other processes took meanwhile."""
    cores = sorted(os.sched_getaffinity(0))[:threads]
    begin, busy, own = time.monotonic(), busy_seconds(), sum(os.times()[2:4])
    with open(log, "w") as out:
        try:
            process = subprocess.run([str(c) for c in command], stdout=out, stderr=subprocess.STDOUT, timeout=timeout,
                                     env={**os.environ, **environment}, preexec_fn=lambda: os.sched_setaffinity(0, cores))
        except subprocess.TimeoutExpired:
            raise engines.NotRun(f"a run took longer than {timeout} seconds ({log})")
        except OSError as error:
            raise engines.NotRun(f"cannot start {command[0]}: {error.strerror}")
    if process.returncode:
        raise engines.NotRun(f"ended with code {process.returncode}: {engines.last_line(log)} ({log})")
    others = busy_seconds() - busy - (sum(os.times()[2:4]) - own)
    return max(0.0, others / (time.monotonic() - begin) / os.cpu_count())


def run(args, job, peer, weights, number):
    """One run's result, from the results folder if it is there."""
    stem = job.results / f"{peer.name}-{weights}-{number}"
    kept = pathlib.Path(f"{stem}.json")
    if kept.exists() and not args.fresh:
        return json.loads(kept.read_text()), True
    model = peer.model(args.folder, job.base, weights, engines.Shell(args.folder / f"{peer.name}.log", say))
    figures, answers = pathlib.Path(f"{stem}.figures"), pathlib.Path(f"{stem}.answers")
    figures.unlink(missing_ok=True)
    command = [*peer.command(args.folder, weights), "--model", model, "--prompts", job.prompts, "--run", number, "--threads",
               args.threads, "--max-length", job.max_length, "--json", figures, "--answers", answers]
    if args.job == "single-stream":
        command.append("--single")
    if peer.name == table.OURS:
        command.append("--job=" + shlex.join(job.options))
    others = watched(command, peer.environment(args.folder), f"{stem}.log", args.threads, args.timeout)
    first = [json.loads(line)["tokens"][0] for line in answers.read_text().splitlines()]
    result = {"engine": peer.name, "weights": weights, "run": number, "settings": peer.shown(weights), "others_share": others,
              "time": datetime.datetime.now().isoformat(timespec="seconds"), "first_tokens": first,
              "figures": json.loads(figures.read_text())}
    kept.write_text(json.dumps(result))
    return result, False


def installed(args, job, peers):
    """The peers that are ready and have their models, and why others are not."""
    ready, not_run = [], []
    for peer in peers:
        try:
            shell = engines.Shell(args.folder / f"{peer.name}.log", say)
            peer.install(args.folder, shell)
            for weights in args.weights:
                peer.model(args.folder, job.base, weights, shell)
            ready.append(peer)
        except engines.NotRun as reason:
            say(f"  {peer.name} not run: {reason}")
            not_run += [(peer.name, weights, str(reason)) for weights in args.weights]
    return ready, not_run


def rounds(args, job, peers, not_run):
    """All results; an engine that fails is taken out of the further rounds."""
    results, failed = [], set()
    for number in range(1, args.runs + 1):
        for peer in peers:
            for weights in args.weights:
                if (peer.name, weights) in failed:
                    continue
                try:
                    result, kept = run(args, job, peer, weights, number)
                except engines.NotRun as reason:
                    failed.add((peer.name, weights))
                    not_run.append((peer.name, weights, str(reason)))
                    say(f"round {number} of {args.runs}: {peer.name} {weights} not run: {reason}")
                    continue
                results.append(result)
                shown = ", ".join(f"{key.replace('_', ' ')} {table.number(result['figures'][key])}" for key in METRICS[args.job])
                say(f"round {number} of {args.runs}: {peer.name} {weights}: {shown}{' (measured before)' if kept else ''}")
    return results


def processor():
    with open("/proc/cpuinfo") as file:
        text = file.read()
    fields = [re.search(rf"^{name}\s*: (.*)$", text, re.M) for name in ("model name", "cpu family", "model")]
    name, family, model = (field[1] if field else "?" for field in fields)
    return f"{name} (family {family}, model {model})"


def main(argv=None, make_peers=engines.all_peers):
    argv = sys.argv[1:] if argv is None else argv
    args = parse(argv, list(make_peers("")))
    known = make_peers(args.millrace)
    args.folder.mkdir(parents=True, exist_ok=True)
    job = Job(args)
    ready, not_run = installed(args, job, [known[name] for name in args.peers])
    if args.install_only:
        return 1 if not_run else 0
    results = rounds(args, job, ready, not_run)
    metrics = METRICS[args.job]
    rows = table.rows(results, metrics)
    about = {"date": datetime.date.today().isoformat(), "processor": processor(), "cores": os.cpu_count(), "threads": args.threads,
             "command": "ops/compare " + shlex.join(argv), "job": {"shape": args.shape, "options": job.options}}
    say(f"\n{about['processor']}, {args.threads} threads, {about['date']}; {args.shape}, {shlex.join(job.options)}\n")
    say(table.markdown(rows, metrics, not_run))
    if args.json:
        args.json.write_text(json.dumps(
            {**about, "rows": rows, "not_run": [{"engine": n, "weights": w, "reason": r} for n, w, r in not_run]}, indent=1) + "\n")
    return 1 if not results else 0


if __name__ == "__main__":
    sys.exit(main())
