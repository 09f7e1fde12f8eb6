"""Drives vLLM for CPU. Settings: max_num_seqs, max_num_batched_tokens, eager (0 or 1), kv_cache_gb."""
import os

import measure


def open_engine(args):
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", args.set["kv_cache_gb"])
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    cpus = sorted(os.sched_getaffinity(0))[:args.threads]
    os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", ",".join(map(str, cpus)))
    os.environ.update(HF_HUB_OFFLINE="1", VLLM_NO_USAGE_STATS="1", DO_NOT_TRACK="1")
    import vllm

    engine = vllm.LLM(
        model=args.model, dtype="bfloat16", enable_prefix_caching=True, skip_tokenizer_init=True,
        max_num_seqs=int(args.set["max_num_seqs"]), max_num_batched_tokens=int(args.set["max_num_batched_tokens"]),
        max_model_len=args.max_length, enforce_eager=args.set["eager"] == "1")

    def generate(prompts):
        params = [vllm.SamplingParams(temperature=0, max_tokens=p.output, ignore_eos=True, detokenize=False) for p in prompts]
        outputs = engine.generate([{"prompt_token_ids": p.tokens} for p in prompts], params, use_tqdm=False)
        return [list(output.outputs[0].token_ids) for output in outputs]

    return generate, vllm.__version__


if __name__ == "__main__":
    measure.drive(open_engine)
