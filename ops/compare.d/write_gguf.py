"""Writes a Hugging Face folder of the Llama architecture as GGUF, with the gguf package. Usage: write_gguf.py IN OUT.gguf bf16|q8_0

llama.cpp's own converter knows tokenizers by a fingerprint and refuses one that is made up; the tensors are laid out as it does it.
"""
import json
import sys

import gguf
import numpy
from gguf import GGMLQuantizationType as Type

NAMES = {"input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
         "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate",
         "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
OUTER = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
         "lm_head.weight": "output.weight"}


def tensors(path):
    """Name and values in F32 of each tensor of a BF16 safetensors file."""
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        if entry["dtype"] != "BF16":
            raise SystemExit(f"{path}: {name} is {entry['dtype']}, not BF16")
        begin, end = entry["data_offsets"]
        raw = numpy.memmap(path, numpy.uint16, "r", 8 + size + begin, ((end - begin) // 2,))
        yield name, (raw.astype(numpy.uint32) << 16).view(numpy.float32).reshape(entry["shape"])


def gguf_name(name):
    if name in OUTER:
        return OUTER[name]
    _, _, layer, rest = name.split(".", 3)
    return f"blk.{layer}.{NAMES[rest.removesuffix('.weight')]}.weight"


def interleaved(values, heads):
    """Rotary pairs side by side, where Hugging Face has them half a head apart."""
    rows, cols = values.shape
    return values.reshape(heads, 2, rows // heads // 2, cols).swapaxes(1, 2).reshape(rows, cols)


def describe(writer, config, tokenizer):
    heads = config["num_attention_heads"]
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_rope_dimension_count(config["hidden_size"] // heads)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe")
    words = list(tokenizer["model"]["vocab"])
    special = [token["content"] for token in tokenizer["added_tokens"]]
    writer.add_token_list(words + special)
    writer.add_token_types([gguf.TokenType.NORMAL] * len(words) + [gguf.TokenType.CONTROL] * len(special))
    writer.add_token_merges(tokenizer["model"]["merges"])
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_add_bos_token(False)


def main():
    source, target, kind = sys.argv[1:4]
    quantized = {"bf16": Type.BF16, "q8_0": Type.Q8_0}[kind]
    with open(f"{source}/config.json") as file:
        config = json.load(file)
    with open(f"{source}/tokenizer.json") as file:
        tokenizer = json.load(file)
    writer = gguf.GGUFWriter(target, "llama")
    describe(writer, config, tokenizer)
    writer.add_file_type({"bf16": gguf.LlamaFileType.MOSTLY_BF16, "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0}[kind])
    for name, values in tensors(f"{source}/model.safetensors"):
        if name.endswith("q_proj.weight"):
            values = interleaved(values, config["num_attention_heads"])
        if name.endswith("k_proj.weight"):
            values = interleaved(values, config["num_key_value_heads"])
        dtype = quantized if values.ndim == 2 else Type.F32
        writer.add_tensor(gguf_name(name), gguf.quants.quantize(numpy.ascontiguousarray(values), dtype), raw_dtype=dtype)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


main()
