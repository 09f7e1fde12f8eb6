"""Drives libllama by the program built from llama_batch.cpp. Settings: program, slots, version."""
import subprocess
import tempfile

import measure


def plain(prompts, path):
    with open(path, "w") as out:
        for prompt in prompts:
            out.write(" ".join(map(str, [prompt.output, *prompt.tokens])) + "\n")


def main():
    args = measure.arguments()
    prompts = measure.read_prompts(f"{args.prompts}/run-{args.run}.jsonl")
    with tempfile.TemporaryDirectory() as folder:
        plain(measure.read_prompts(f"{args.prompts}/warm-up.jsonl"), f"{folder}/warm-up")
        plain(prompts, f"{folder}/run")
        subprocess.run([args.set["program"], args.model, f"{folder}/warm-up", f"{folder}/run", f"{folder}/out", args.set["slots"],
                        str(args.threads), str(args.max_length), "1" if args.single else "0"], check=True)
        with open(f"{folder}/out") as file:
            seconds = list(map(float, file.readline().split()))
            answers = [list(map(int, line.split())) for line in file]
    measure.check(prompts, answers)
    if args.single:
        figures = measure.single_stream(seconds)
    else:
        output = sum(map(len, answers))
        figures = {"seconds": seconds[0], "output_tokens": output, "output_tokens_per_second": output / seconds[0]}
    measure.write(args, {**figures, "version": args.set["version"]}, answers)


if __name__ == "__main__":
    main()
