"""Drives OpenVINO GenAI's continuous batching.

Settings: max_num_seqs, max_num_batched_tokens, kv_cache_gb, prime (1: run the prompts' common prefix first, inside the measured time:
prefixes are looked up when a request is added, so requests that are all added at once would find none), and properties of the device
in capitals.
"""
import itertools

import measure


def open_engine(args):
    import numpy
    import openvino
    import openvino_genai as genai

    scheduler = genai.SchedulerConfig()
    scheduler.max_num_seqs = int(args.set["max_num_seqs"])
    scheduler.max_num_batched_tokens = int(args.set["max_num_batched_tokens"])
    scheduler.cache_size = int(args.set["kv_cache_gb"])
    scheduler.enable_prefix_caching = True
    scheduler.dynamic_split_fuse = True
    properties = {name: int(value) if value.isdigit() else value for name, value in args.set.items() if name.isupper()}
    properties.update(INFERENCE_NUM_THREADS=args.threads, PERFORMANCE_HINT="LATENCY")
    pipeline = genai.ContinuousBatchingPipeline(args.model, scheduler, "CPU", properties)
    ids = itertools.count(1)

    def add(tokens, output):
        config = genai.GenerationConfig()
        config.max_new_tokens = config.min_new_tokens = output
        config.ignore_eos = True
        config.do_sample = False
        return pipeline.add_request(next(ids), openvino.Tensor(numpy.array([tokens], dtype=numpy.int64)), config)

    def finish():
        while pipeline.has_non_finished_requests():
            pipeline.step()

    def generate(prompts):
        prefix = measure.common_prefix(prompts) if args.set.get("prime") == "1" else []
        if prefix:
            add(prefix, 1)
            finish()
        handles = [add(prompt.tokens, prompt.output) for prompt in prompts]
        finish()
        return [handle.read_all()[0].generated_ids for handle in handles]

    return generate, genai.__version__


if __name__ == "__main__":
    measure.drive(open_engine)
