#!/usr/bin/env python3
"""Step-time model of the CUDA device on one H200: prints the tables of model.md. A model, no measurement."""

HBM = 139 * 2**30  # usable bytes
BANDWIDTH = 0.85 * 4.8e12  # bytes/s: share of the datasheet that good kernels reach
FP8 = 1.207e15  # FLOP/s: just under the best published row-wise scaled FP8 product
BF16 = 0.75 * 989e12
ATTENTION = 0.60 * 989e12  # prefill attention
HOST = 0.0008  # seconds per step that are not hidden
MODELS = {
    "8B": dict(layers=32, q=32, kv=8, dim=128, hidden=4096, inter=14336, vocab=128256),
    "70B": dict(layers=80, q=64, kv=8, dim=128, hidden=8192, inter=28672, vocab=128256),
}
WORKLOADS = [(128, 128), (128, 2048), (1000, 1000), (2048, 2048), (2048, 128)]


def model(name, isl, osl):
    m = MODELS[name]
    qkv = m["hidden"] * (m["q"] + 2 * m["kv"]) * m["dim"]
    body = m["layers"] * (qkv + m["q"] * m["dim"] * m["hidden"] + 3 * m["hidden"] * m["inter"])
    head = m["hidden"] * m["vocab"]
    kv_token = m["layers"] * 2 * m["kv"] * m["dim"]  # E4M3: a byte each
    room = HBM * 0.95 - body - 4 * head - 6 * 2**30
    batch = int(min(4096, room / (kv_token * (isl + osl / 2))))
    prefill = isl * (2 * body / FP8 + 4 * m["layers"] * m["q"] * m["dim"] * (isl / 2) / ATTENTION) + 2 * head / BF16
    products = max((body + 2 * head) / BANDWIDTH, 2 * body * batch / FP8 + 2 * head * batch / BF16)
    attention = batch * (isl + osl / 2) * kv_token / BANDWIDTH
    step = products + attention + HOST
    total = batch * prefill + (osl - 1) * step
    shares = {"prefill (FP8 products)": batch * prefill / total, "decode products": (osl - 1) * products / total,
              "decode attention": (osl - 1) * attention / total}
    return batch, prefill * 1e3, products * 1e3, attention * 1e3, step * 1e3, batch * osl / total, shares


print("| model | input/output | sequences | prefill ms per request | products ms | attention ms | step ms | output tok/s | binds |")
print("|---|---|---|---|---|---|---|---|---|")
for name in MODELS:
    for isl, osl in WORKLOADS:
        batch, prefill, products, attention, step, rate, shares = model(name, isl, osl)
        binds = max(shares, key=shares.get)
        print(f"| {name} | {isl}/{osl} | {batch} | {prefill:.2f} | {products:.1f} | {attention:.1f} | {step:.1f} | "
              f"{rate:,.0f} | {binds}, {shares[binds]:.0%} |")
