"""What all drivers have in common: reading the prompts, warming up, timing, checking and writing the answers.

A driver is a program that is given one engine's model and settings, and calls `drive` with a function that opens the engine. What is
timed lies between the first prompt's submission and the last token; loading and warming up come before and are not counted.
"""
import argparse
import json
import os
import time

SINGLE_PREFILL, SINGLE_DECODE = 512, 64


class Prompt:
    """Token ids, and how many tokens are to come."""

    def __init__(self, tokens, output):
        self.tokens = tokens
        self.output = output


def read_prompts(path):
    """The prompts of a file that `millrace bench --write-prompts` wrote."""
    prompts = []
    with open(path) as lines:
        for number, line in enumerate(lines, 1):
            try:
                body = json.loads(line)["body"]
                prompts.append(Prompt(body["prompt"], body["max_tokens"]))
            except (ValueError, KeyError, TypeError) as error:
                raise SystemExit(f"{path}, line {number}: not a prompt: {error!r}")
    if not prompts:
        raise SystemExit(f"{path} holds no prompts")
    return prompts


def common_prefix(prompts):
    """The tokens that all prompts begin with; at least one token of each is left over."""
    first = prompts[0].tokens
    length = min(len(p.tokens) for p in prompts) - 1 if len(prompts) > 1 else 0
    for prompt in prompts:
        while prompt.tokens[:length] != first[:length]:
            length -= 1
    return first[:length]


def check(prompts, answers):
    """Ends the run unless every prompt has its full answer."""
    if len(answers) != len(prompts):
        raise SystemExit(f"{len(prompts)} prompts, but {len(answers)} answers")
    for i, (prompt, answer) in enumerate(zip(prompts, answers)):
        if len(answer) != prompt.output:
            raise SystemExit(f"prompt {i} was answered with {len(answer)} tokens, not {prompt.output}")


def timed(generate, prompts, single):
    """One run's figures and answers. A single stream's prompts go one after another, and have a time each."""
    if not single:
        begin = time.perf_counter()
        answers = generate(prompts)
        seconds = time.perf_counter() - begin
        check(prompts, answers)
        output = sum(map(len, answers))
        return {"seconds": seconds, "output_tokens": output, "output_tokens_per_second": output / seconds}, answers
    seconds, answers = [], []
    for prompt in prompts:
        begin = time.perf_counter()
        answers += generate([prompt])
        seconds.append(time.perf_counter() - begin)
    check(prompts, answers)
    return single_stream(seconds), answers


def single_stream(seconds):
    """Rates from the times of three requests: 512 tokens to 1, 8 to 1, 8 to 65."""
    return {"prefill_tokens_per_second": SINGLE_PREFILL / seconds[0],
            "decode_tokens_per_second": SINGLE_DECODE / (seconds[2] - seconds[1])}


def arguments(parser=None):
    parser = parser or argparse.ArgumentParser(description="Times one run of one engine; started by ops/compare.")
    parser.add_argument("--model", required=True, help="the engine's own form of the model")
    parser.add_argument("--prompts", required=True, help="folder with warm-up.jsonl and run-N.jsonl")
    parser.add_argument("--run", type=int, required=True, help="which run, from 1")
    parser.add_argument("--single", action="store_true", help="one prompt after another")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--max-length", type=int, required=True, help="most tokens of a prompt and its answer")
    parser.add_argument("--json", required=True, help="where the figures go")
    parser.add_argument("--answers", required=True, help="where the generated tokens go")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the engine")
    args = parser.parse_args()
    args.set = dict(item.split("=", 1) for item in args.set)
    return args


def write(args, figures, answers):
    with open(args.answers, "w") as out:
        for i, tokens in enumerate(answers):
            out.write(json.dumps({"custom_id": str(i), "tokens": [int(t) for t in tokens]}) + "\n")
    with open(args.json + ".part", "w") as out:
        json.dump(figures, out)
    os.replace(args.json + ".part", args.json)


def drive(open_engine, args=None):
    """Opens the engine, warms it up, times one run.

    open_engine(args) returns (generate, version): generate takes prompts and returns their generated tokens, in order.
    """
    args = args or arguments()
    begin = time.perf_counter()
    generate, version = open_engine(args)
    loaded = time.perf_counter()
    warm_up = read_prompts(f"{args.prompts}/warm-up.jsonl")
    for batch in [[p] for p in warm_up] if args.single else [warm_up]:
        check(batch, generate(batch))
    warm = time.perf_counter()
    figures, answers = timed(generate, read_prompts(f"{args.prompts}/run-{args.run}.jsonl"), args.single)
    write(args, {**figures, "version": version, "load_seconds": loaded - begin, "warm_up_seconds": warm - loaded}, answers)
