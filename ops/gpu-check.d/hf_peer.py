#!/usr/bin/env python3
"""Throughput of transformers' continuous batching (attention "paged|sdpa") on random weights: the peer of ops/gpu-check.

Prints one line: output tokens, seconds, output tokens per second. Input tokens are not counted.
"""
import argparse
import random
import time

import torch
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM
from transformers.generation import ContinuousBatchingConfig

SHAPES = {  # hidden, intermediate, layers, query heads, KV heads, head dimension, vocabulary
    "tiny": (256, 512, 2, 4, 2, 64, 1024),
    "8b": (4096, 14336, 32, 32, 8, 128, 128256),
}


def build(name, device):
    hidden, inter, layers, heads, kv_heads, head_dim, vocab = SHAPES[name]
    config = LlamaConfig(
        vocab_size=vocab, hidden_size=hidden, intermediate_size=inter, num_hidden_layers=layers, num_attention_heads=heads,
        num_key_value_heads=kv_heads, head_dim=head_dim, max_position_embeddings=16384, rms_norm_eps=1e-5,
        tie_word_embeddings=False, rope_parameters={"rope_type": "default", "rope_theta": 500000.0},
        bos_token_id=None, eos_token_id=None, pad_token_id=0)
    config._attn_implementation = "paged|sdpa"
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16 if device == "cuda" else torch.float32)
    with torch.device(device):
        return LlamaForCausalLM(config).eval()


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", choices=list(SHAPES), default="8b")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--isl", type=int, default=128)
    parser.add_argument("--osl", type=int, default=128)
    parser.add_argument("--n", type=int, default=256)
    parser.add_argument("--bs", type=int, default=128)
    args = parser.parse_args()
    model = build(args.model, args.device)
    draw = random.Random(0)
    prompts = [[draw.randrange(1, model.config.vocab_size) for _ in range(args.isl)] for _ in range(args.n)]
    generation = GenerationConfig(max_new_tokens=args.osl, do_sample=False, eos_token_id=-1, pad_token_id=0)
    batching = ContinuousBatchingConfig(block_size=256, max_requests_per_batch=args.bs)

    def run(some):
        return model.generate_batch(some, generation_config=generation, continuous_batching_config=batching, warmup=True)

    run(prompts[:4])
    begin = time.perf_counter()
    answers = run(prompts)
    seconds = time.perf_counter() - begin
    tokens = sum(len(answer.generated_tokens) for answer in answers.values())
    print(f"transformers, BF16, {args.model}, {args.isl}/{args.osl}, {args.n} prompts, {args.bs} at a time: "
          f"{tokens} output tokens, {seconds:.2f} s, {tokens / seconds:.1f} output tok/s")


main()
