"""Embeds texts with a sentence model of the hub's layout by onnxruntime, tokenizers and NumPy: what embed.text is compared with.

stdin: {"dir", "texts", "threads"}; stdout: {"alone_s", "alone_cpu_s", "batched_s", "vectors"}: seconds, and seconds of processor time, for all texts one by
one, seconds for 32 at a time, and the vectors of the first, as they are made one by one.
"""
import json
import sys
import time

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

asked = json.load(sys.stdin)
tokenizer = Tokenizer.from_file(asked["dir"] + "/tokenizer.json")
tokenizer.no_padding()
tokenizer.enable_truncation(256)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = asked["threads"]
session = onnxruntime.InferenceSession(asked["dir"] + "/onnx/model_quantized.onnx", options)


def embed(texts):
    encoded = tokenizer.encode_batch(texts)
    longest = max(len(e.ids) for e in encoded)
    ids = np.array([e.ids + [0] * (longest - len(e.ids)) for e in encoded])
    mask = np.array([[1] * len(e.ids) + [0] * (longest - len(e.ids)) for e in encoded])
    states = session.run(None, {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)})[0]
    means = (states * mask[:, :, None]).sum(1) / mask.sum(1)[:, None]
    return means / np.linalg.norm(means, axis=1, keepdims=True)


texts = asked["texts"]
embed(texts[:1])
begun, used = time.perf_counter(), time.process_time()
vectors = [embed([text])[0] for text in texts]
alone, alone_cpu = time.perf_counter() - begun, time.process_time() - used
begun = time.perf_counter()
for at in range(0, len(texts), 32):
    embed(texts[at : at + 32])
batched = time.perf_counter() - begun
json.dump({"alone_s": alone, "alone_cpu_s": alone_cpu, "batched_s": batched, "vectors": [v.tolist() for v in vectors[:50]]}, sys.stdout)
