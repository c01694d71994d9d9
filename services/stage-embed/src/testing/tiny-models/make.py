"""Makes the tiny models beside this file and what they must give: python3 make.py

Random weights in the layout of the hub: `bert` as a sentence model of 384 numbers, `siglip` as a model of pictures and texts in 768. reference.json holds
vectors made by onnxruntime, tokenizers, NumPy and Pillow, without any code of Heimdex. Last run with onnx 1.23.2, onnxruntime 1.32.0,
tokenizers 0.23.3, NumPy 2.4.6, Pillow 13.0.0. The same versions give the same files, up to the formatting of JSON (`biome check --write`).
"""
import base64
import json
import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

HERE = pathlib.Path(__file__).parent
random = np.random.default_rng(4)
WORDS = "the a boat ship sail ##s ##ed harbour bread bak ##ing dough river bridge train leave at dawn evening in of and".split()


def weights(name, *shape):
    return numpy_helper.from_array(random.normal(0, 0.5, shape).astype(np.float32), name)


def constant(name, values, dtype=np.int64):
    return numpy_helper.from_array(np.array(values, dtype), name)


def save(path, nodes, inputs, output, tensors):
    made = [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in inputs]
    graph = helper.make_graph(nodes, "tiny", made, [helper.make_tensor_value_info(*output)], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1) + "\n")


def bert(folder):
    """Embeddings of words, types and places, one self-attention of 16 numbers, a projection to 384."""
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ",", ".", *WORDS, *letters, *("##" + l for l in letters)]
    vocabulary = list(dict.fromkeys(vocabulary))
    tokenizer = Tokenizer(models.WordPiece({word: i for i, word in enumerate(vocabulary)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", [("[CLS]", 2), ("[SEP]", 3)])
    tokenizer.decoder = decoders.WordPiece()
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]"}
    write(folder / "tokenizer_config.json", {**special, "tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 512})
    write(folder / "config.json", {"architectures": ["BertModel"], "model_type": "bert", "hidden_size": 384, "vocab_size": len(vocabulary)})
    node = helper.make_node
    nodes = [
        node("Gather", ["words", "input_ids"], ["word"]),
        node("Gather", ["types", "token_type_ids"], ["type"]),
        node("Shape", ["input_ids"], ["shape"]),
        node("Gather", ["shape", "one"], ["length"]),
        node("Range", ["zero", "length", "one"], ["at"]),
        node("Gather", ["places", "at"], ["place"]),
        node("Sum", ["word", "type", "place"], ["sum"]),
        node("LayerNormalization", ["sum", "scale", "bias"], ["x"], axis=-1, epsilon=1e-12),
        node("MatMul", ["x", "query"], ["q"]),
        node("MatMul", ["x", "key"], ["k"]),
        node("Transpose", ["k"], ["kt"], perm=[0, 2, 1]),
        node("MatMul", ["q", "kt"], ["scores"]),
        node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        node("Sub", ["mask", "onef"], ["unmasked"]),
        node("Mul", ["unmasked", "large"], ["away"]),
        node("Unsqueeze", ["away", "axis"], ["away3"]),
        node("Add", ["scores", "away3"], ["masked"]),
        node("Softmax", ["masked"], ["shares"], axis=-1),
        node("MatMul", ["shares", "x"], ["mixed"]),
        node("Add", ["x", "mixed"], ["y"]),
        node("MatMul", ["y", "out"], ["last_hidden_state"]),
    ]
    tensors = [
        weights("words", len(vocabulary), 16),
        weights("types", 2, 16),
        weights("places", 256, 16),
        weights("query", 16, 16),
        weights("key", 16, 16),
        weights("out", 16, 384),
        constant("scale", np.ones(16), np.float32),
        constant("bias", np.zeros(16), np.float32),
        constant("zero", 0),
        constant("one", 1),
        constant("axis", [1]),
        constant("onef", 1, np.float32),
        constant("large", 10000, np.float32),
    ]
    inputs = [(name, TensorProto.INT64, ["batch", "tokens"]) for name in ("input_ids", "attention_mask", "token_type_ids")]
    save(folder / "onnx" / "model_quantized.onnx", nodes, inputs, ("last_hidden_state", TensorProto.FLOAT, ["batch", "tokens", 384]), tensors)


def siglip(folder):
    """A convolution over 16x16 patches, and a table of letters; both averaged and projected to 768."""
    vocabulary = {"<pad>": 0, "<eos>": 1, "<bos>": 2, "<unk>": 3, "▁": 4, **{chr(ord("a") + i): 5 + i for i in range(26)}}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.post_processor = processors.TemplateProcessing("$A <eos>", None, [("<eos>", 1)])
    tokenizer.add_special_tokens(["<pad>", "<eos>", "<bos>", "<unk>"])
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {"pad_token": "<pad>", "eos_token": "<eos>", "bos_token": "<bos>", "unk_token": "<unk>"}
    write(folder / "tokenizer_config.json", {**special, "tokenizer_class": "GemmaTokenizer", "model_max_length": 64})
    write(folder / "config.json", {"architectures": ["SiglipModel"], "model_type": "siglip", "text_config": {"model_type": "siglip_text_model"}, "vision_config": {"model_type": "siglip_vision_model"}})
    node = helper.make_node
    pooled = ("pooler_output", TensorProto.FLOAT, ["batch", 768])
    save(
        folder / "onnx" / "vision_model_quantized.onnx",
        [
            node("Conv", ["pixel_values", "patches"], ["conv"], strides=[16, 16]),
            node("Relu", ["conv"], ["relu"]),
            node("ReduceMean", ["relu"], ["mean"], axes=[2, 3], keepdims=0),
            node("MatMul", ["mean", "out"], ["pooler_output"]),
        ],
        [("pixel_values", TensorProto.FLOAT, ["batch", 3, 224, 224])],
        pooled,
        [weights("patches", 8, 3, 16, 16), weights("out", 8, 768)],
    )
    save(
        folder / "onnx" / "text_model_quantized.onnx",
        [
            node("Gather", ["letters", "input_ids"], ["letter"]),
            node("Mul", ["letter", "places"], ["placed"]),
            node("ReduceMean", ["placed"], ["mean"], axes=[1], keepdims=0),
            node("MatMul", ["mean", "out"], ["pooler_output"]),
        ],
        [("input_ids", TensorProto.INT64, ["batch", 64])],
        pooled,
        [weights("letters", len(vocabulary), 8), weights("places", 64, 8), weights("out", 8, 768)],
    )


def packed(vector):
    return base64.b64encode((vector / np.linalg.norm(vector)).astype("<f4").tobytes()).decode()


def sentence(folder, parts):
    """The states of all parts, summed; normalised by `packed`."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    session = onnxruntime.InferenceSession(folder / "onnx" / "model_quantized.onnx")
    total = np.zeros(384)
    for part in parts:
        ids = np.array([tokenizer.encode(part).ids])
        feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        total += session.run(None, feeds)[0][0].astype(np.float64).sum(0)
    return packed(total)


def made_picture(width, height):
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    return Image.fromarray(((x * x * 7 + y * 13 + x * y * 3 + c * 91) % 256).astype(np.uint8))


def picture(folder, image):
    session = onnxruntime.InferenceSession(folder / "onnx" / "vision_model_quantized.onnx")
    values = np.asarray(image.resize((224, 224), Image.BILINEAR)).astype(np.float32) / np.float32(255)
    values = ((values - np.float32(0.5)) / np.float32(0.5)).transpose(2, 0, 1)[None]
    return packed(session.run(None, {"pixel_values": values})[0][0])


def caption(folder, text):
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    session = onnxruntime.InferenceSession(folder / "onnx" / "text_model_quantized.onnx")
    ids = tokenizer.encode(text).ids
    # A text that is too long loses its end; the mark of the end stays.
    ids = ids[:63] + [1] if len(ids) > 64 else ids + [0] * (64 - len(ids))
    return packed(session.run(None, {"input_ids": np.array([ids])})[0][0])


bert(HERE / "bert")
siglip(HERE / "siglip")
LONG = "the boat leaves the harbour at dawn and the train leaves in the evening"
write(
    HERE / "reference.json",
    {
        "sentences": {
            **{text: sentence(HERE / "bert", [text]) for text in ["the boat sails at dawn", "Böat, HARBOUR.", "baking bread 東京", LONG]},
            "query: " + LONG: sentence(HERE / "bert", ["query: " + LONG]),
        },
        "long": {
            "text": LONG,
            "window": 9,
            "vector": sentence(HERE / "bert", ["the boat leaves", "the harbour at dawn", "and the train leaves", "in the evening"]),
        },
        "pictures": {f"{w}x{h}": picture(HERE / "siglip", made_picture(w, h)) for w, h in [(64, 48), (640, 360), (1, 1)]},
        "captions": {text: caption(HERE / "siglip", text.lower()) for text in ["a red Bus", "two dogs on the beach"]},
    },
)
