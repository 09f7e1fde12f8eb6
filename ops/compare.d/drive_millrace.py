"""Drives this checkout's engine through its own `bench`, one run at a time. Run N of seed 1 is the one run of seed N."""
import argparse
import json
import shlex
import subprocess

import measure


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--launcher", required=True, help="command that starts Millrace")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--max-num-batched-tokens", required=True)
    parser.add_argument("--job", required=True, metavar="OPTIONS", help="the options of bench that say which job")
    args = measure.arguments(parser)
    figures = args.json + ".bench"
    subprocess.run([*shlex.split(args.launcher), "bench", *shlex.split(args.job), "--model", args.model, "--seed", str(args.run),
                    "--repeat", "1", "--weights", args.weights, "--threads", str(args.threads), "--max-num-batched-tokens",
                    args.max_num_batched_tokens, "--json", figures, "--answers", args.answers], check=True)
    prompts = measure.read_prompts(f"{args.prompts}/run-{args.run}.jsonl")
    with open(args.answers) as lines:
        answers = [json.loads(line)["tokens"] for line in lines]
    measure.check(prompts, answers)
    with open(figures) as file:
        measure.write(args, {**json.load(file), "version": "this checkout"}, answers)


if __name__ == "__main__":
    main()
