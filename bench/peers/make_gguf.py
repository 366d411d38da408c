"""A Llama with random weights as a GGUF file, for llama.cpp to decode with: make_gguf.py FILE CONFIG_JSON

Matrices Q4_0, embedding and head Q8_0: the bits that int4 serving gives them. Needs `pip install gguf==0.19.0`."""
import json
import sys

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Kind

path, config = sys.argv[1], json.loads(sys.argv[2])
width, inner, vocabulary = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
heads, key_heads = config["num_attention_heads"], config["num_key_value_heads"]
keys = width // heads * key_heads
random = np.random.default_rng(1)

writer = gguf.GGUFWriter(path, "llama")
writer.add_name("bench")
writer.add_context_length(config["max_position_embeddings"])
writer.add_embedding_length(width)
writer.add_block_count(config["num_hidden_layers"])
writer.add_feed_forward_length(inner)
writer.add_head_count(heads)
writer.add_head_count_kv(key_heads)
writer.add_rope_dimension_count(width // heads)
writer.add_rope_freq_base(10000.0)
writer.add_layer_norm_rms_eps(1e-5)
writer.add_vocab_size(vocabulary)
writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_0)

special = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
tokens = special + [f"w{index}" for index in range(vocabulary - len(special))]
types = [2, 3, 3] + [6] * 256 + [1] * (vocabulary - len(special))
writer.add_tokenizer_model("llama")
writer.add_token_list(tokens)
writer.add_token_scores([0.0] * vocabulary)
writer.add_token_types(types)
writer.add_bos_token_id(1)
writer.add_eos_token_id(2)
writer.add_unk_token_id(0)


def matrix(name, rows, columns, kind=Kind.Q4_0):
    values = (random.standard_normal((rows, columns)) * 0.05).astype(np.float32)
    writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)


def gain(name):
    writer.add_tensor(name, np.ones(width, dtype=np.float32))


matrix("token_embd.weight", vocabulary, width, Kind.Q8_0)
for layer in range(config["num_hidden_layers"]):
    at = f"blk.{layer}"
    gain(f"{at}.attn_norm.weight")
    matrix(f"{at}.attn_q.weight", width, width)
    matrix(f"{at}.attn_k.weight", keys, width)
    matrix(f"{at}.attn_v.weight", keys, width)
    matrix(f"{at}.attn_output.weight", width, width)
    gain(f"{at}.ffn_norm.weight")
    matrix(f"{at}.ffn_gate.weight", inner, width)
    matrix(f"{at}.ffn_up.weight", inner, width)
    matrix(f"{at}.ffn_down.weight", width, inner)
gain("output_norm.weight")
matrix("output.weight", vocabulary, width, Kind.Q8_0)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
