"""Writes a Hugging Face folder with INT8 linear layers for vLLM. Usage: write_w8a8.py IN OUT

compressed-tensors' layout: weights per output channel, activations per token when they are used. The head stays BF16: vLLM has no
INT8 head.
"""
import json
import os
import shutil
import sys

import torch
from safetensors.torch import load_file, save_file


def quantized(tensors):
    out = {}
    for name, weight in tensors.items():
        if weight.dim() == 2 and "_proj." in name:
            values = weight.float()
            scale = values.abs().amax(1, keepdim=True) / 127
            out[name] = torch.round(values / scale).clamp(-127, 127).to(torch.int8)
            out[name + "_scale"] = scale
        else:
            out[name] = weight
    return out


def main():
    source, target = sys.argv[1:3]
    os.makedirs(target, exist_ok=True)
    save_file(quantized(load_file(f"{source}/model.safetensors")), f"{target}/model.safetensors", metadata={"format": "pt"})
    with open(f"{source}/config.json") as file:
        config = json.load(file)
    kind = {"num_bits": 8, "type": "int", "symmetric": True}
    group = {"targets": ["Linear"], "weights": {**kind, "dynamic": False, "strategy": "channel"},
             "input_activations": {**kind, "dynamic": True, "strategy": "token"}}
    config["quantization_config"] = {"quant_method": "compressed-tensors", "format": "int-quantized", "ignore": ["lm_head"],
                                     "quantization_status": "compressed", "config_groups": {"group_0": group}}
    with open(f"{target}/config.json", "w") as file:
        json.dump(config, file, indent=1)
    for name in os.listdir(source):
        if name not in ("model.safetensors", "config.json"):
            shutil.copy(f"{source}/{name}", target)


main()
