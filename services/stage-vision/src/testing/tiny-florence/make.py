"""Makes the tiny captioner beside this file and what it must say: python3 make.py

Random weights in the layout of the hub for Florence-2: a vision encoder, a table of words, an encoder and a decoder with its cache, 16 numbers wide.
reference.json holds texts made by onnxruntime, tokenizers, NumPy and Pillow, without any code of Heimdex or of transformers.js. Last run with onnx 1.23.2,
onnxruntime 1.32.0, tokenizers 0.23.3, NumPy 2.4.6, Pillow 13.0.0. The same versions give the same files, up to the formatting of JSON
(`biome check --write`).
"""
import json
import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

HERE = pathlib.Path(__file__).parent
WIDTH, HEADS = 16, 2
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
WORDS = "a the red blue man boat harbour table stands sits beside on of with green car sky open".split()
TASKS = {
    "<CAPTION>": "What does the image describe?",
    "<DETAILED_CAPTION>": "Describe in detail what is shown in the image.",
    "<MORE_DETAILED_CAPTION>": "Describe with a paragraph what is shown in the image.",
}
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
random = np.random.default_rng(11)
node = helper.make_node


def weights(name, *shape, scale=0.5):
    return numpy_helper.from_array(random.normal(0, scale, shape).astype(np.float32), name)


def constant(name, values, dtype=np.int64):
    return numpy_helper.from_array(np.array(values, dtype), name)


def value(name, kind, *shape):
    return helper.make_tensor_value_info(name, kind, shape)


def save(name, nodes, inputs, outputs, tensors):
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    path = HERE / "onnx" / f"{name}.onnx"
    path.parent.mkdir(exist_ok=True)
    onnx.save(model, path)


def write(name, content):
    (HERE / name).write_text(json.dumps(content, indent=1) + "\n")


def tokenizer():
    """Bytes as letters, a space as the sign before a word; whole words only ever come out of the model."""
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)] + ["D", "W", ".", "?", "Ġ"]
    tokens = list(dict.fromkeys([*SPECIAL, *letters, *("Ġ" + word for word in WORDS)]))
    made = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, [], unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.post_processor = processors.TemplateProcessing("<s> $A </s>", None, [("<s>", 0), ("</s>", 2)])
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(SPECIAL)
    made.save(str(HERE / "tokenizer.json"))
    special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    write("tokenizer_config.json", {**special, "tokenizer_class": "BartTokenizer", "model_max_length": 1024})
    return tokens


def configurations(tokens):
    generation = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2, "forced_bos_token_id": 0, "forced_eos_token_id": 2, "no_repeat_ngram_size": 3, "num_beams": 3}
    text = {"model_type": "florence2_language", "d_model": WIDTH, "vocab_size": len(tokens), "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": HEADS, "decoder_attention_heads": HEADS, "is_encoder_decoder": True, **generation}
    write("config.json", {"architectures": ["Florence2ForConditionalGeneration"], "model_type": "florence2", "is_encoder_decoder": True, "projection_dim": WIDTH, "vocab_size": len(tokens), "bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "text_config": text, "vision_config": {"model_type": "davit"}})
    write("generation_config.json", generation)
    size = {"height": 768, "width": 768}
    write("preprocessor_config.json", {"image_processor_type": "CLIPImageProcessor", "processor_class": "Florence2Processor", "do_resize": True, "size": size, "resample": 3, "do_center_crop": False, "crop_size": size, "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": MEAN, "image_std": STD, "do_convert_rgb": None, "image_seq_length": 577, "tasks_answer_post_processing_type": {task: "pure_text" for task in TASKS}, "task_prompts_without_inputs": TASKS, "task_prompts_with_input": {}})


def networks(tokens):
    table = weights("words", len(tokens), WIDTH, scale=1)
    save("embed_tokens", [node("Gather", ["words", "input_ids"], ["inputs_embeds"])], [value("input_ids", TensorProto.INT64, "batch_size", "tokens")], [value("inputs_embeds", TensorProto.FLOAT, "batch_size", "tokens", WIDTH)], [table])
    save(
        "vision_encoder",
        [
            node("AveragePool", ["pixel_values"], ["coarse"], kernel_shape=[128, 128], strides=[128, 128]),
            node("Conv", ["coarse", "colours"], ["mixed"]),
            node("Reshape", ["mixed", "flat"], ["places"]),
            node("Transpose", ["places"], ["image_features"], perm=[0, 2, 1]),
        ],
        [value("pixel_values", TensorProto.FLOAT, "batch_size", 3, 768, 768)],
        [value("image_features", TensorProto.FLOAT, "batch_size", 36, WIDTH)],
        [weights("colours", WIDTH, 3, 1, 1, scale=1), constant("flat", [0, WIDTH, -1])],
    )
    away = [
        node("Cast", ["mask"], ["masked"], to=TensorProto.FLOAT),
        node("Sub", ["masked", "onef"], ["unmasked"]),
        node("Mul", ["unmasked", "large"], ["away"]),
    ]
    numbers = [constant("onef", 1, np.float32), constant("large", 10000, np.float32)]
    save(
        "encoder_model_quantized",
        [
            node("Identity", ["attention_mask"], ["mask"]),
            *away,
            node("Unsqueeze", ["away", "axis"], ["away3"]),
            node("MatMul", ["inputs_embeds", "query"], ["q"]),
            node("Transpose", ["inputs_embeds"], ["kt"], perm=[0, 2, 1]),
            node("MatMul", ["q", "kt"], ["scores"]),
            node("Add", ["scores", "away3"], ["near"]),
            node("Softmax", ["near"], ["shares"], axis=-1),
            node("MatMul", ["shares", "inputs_embeds"], ["seen"]),
            node("Add", ["inputs_embeds", "seen"], ["last_hidden_state"]),
        ],
        [value("attention_mask", TensorProto.INT64, "batch_size", "tokens"), value("inputs_embeds", TensorProto.FLOAT, "batch_size", "tokens", WIDTH)],
        [value("last_hidden_state", TensorProto.FLOAT, "batch_size", "tokens", WIDTH)],
        [weights("query", WIDTH, WIDTH, scale=0.1), constant("axis", [1]), *numbers],
    )

    def heads(of, through, to):
        return [
            node("MatMul", [of, through], [f"{to}_flat"]),
            node("Reshape", [f"{to}_flat", "split"], [f"{to}_split"]),
            node("Transpose", [f"{to}_split"], [to], perm=[0, 2, 1, 3]),
        ]

    def attention(q, k, v, to, mask=None):
        nodes = [node("Transpose", [k], [f"{to}_kt"], perm=[0, 1, 3, 2]), node("MatMul", [q, f"{to}_kt"], [f"{to}_scores"])]
        scores = f"{to}_scores"
        if mask is not None:
            nodes.append(node("Add", [scores, mask], [f"{to}_near"]))
            scores = f"{to}_near"
        return nodes + [
            node("Softmax", [scores], [f"{to}_shares"], axis=-1),
            node("MatMul", [f"{to}_shares", v], [f"{to}_heads"]),
            node("Transpose", [f"{to}_heads"], [f"{to}_back"], perm=[0, 2, 1, 3]),
            node("Reshape", [f"{to}_back", "join"], [to]),
        ]

    def cached(part):
        """What the decoder knows of the encoder's states: made at the first token, taken from the cache after it."""
        shape = ("batch_size", HEADS, "encoder_sequence_length_out", WIDTH // HEADS)
        past = f"past_key_values.0.encoder.{part}"
        then = helper.make_graph([node("Identity", [past], [f"kept_{part}"])], "kept", [], [value(f"kept_{part}", TensorProto.FLOAT, *shape)])
        made = heads("encoder_hidden_states", f"cross_{part}", f"made_{part}")
        otherwise = helper.make_graph(made, "made", [], [value(f"made_{part}", TensorProto.FLOAT, *shape)])
        return node("If", ["use_cache_branch"], [f"present.0.encoder.{part}"], then_branch=then, else_branch=otherwise)

    cache = [
        value(f"{prefix}.0.{side}.{part}", TensorProto.FLOAT, "batch_size", HEADS, f"{when}{side}_sequence_length{out}", WIDTH // HEADS)
        for prefix, when, out in [("past_key_values", "past_", ""), ("present", "", "_out")]
        for side in ("decoder", "encoder")
        for part in ("key", "value")
    ]
    square = [weights(name, WIDTH, WIDTH, scale=0.4) for name in ("query", "key", "value", "cross_query", "cross_key", "cross_value", "out")]
    ending = np.zeros(len(tokens), np.float32)
    ending[2] = 1
    bias = np.zeros(len(tokens), np.float32)
    bias[: len(SPECIAL)] = -100
    bias[2] = -14
    bias[len(SPECIAL) : len(tokens) - len(WORDS)] = -6
    bias[tokens.index(".")] = 0
    save(
        "decoder_model_merged_quantized",
        [
            cached("key"),
            cached("value"),
            *heads("inputs_embeds", "query", "q"),
            *heads("inputs_embeds", "key", "new_key"),
            *heads("inputs_embeds", "value", "new_value"),
            node("Concat", ["past_key_values.0.decoder.key", "new_key"], ["present.0.decoder.key"], axis=2),
            node("Concat", ["past_key_values.0.decoder.value", "new_value"], ["present.0.decoder.value"], axis=2),
            *attention("q", "present.0.decoder.key", "present.0.decoder.value", "own"),
            node("Add", ["inputs_embeds", "own"], ["x"]),
            *heads("x", "cross_query", "cq"),
            node("Identity", ["encoder_attention_mask"], ["mask"]),
            *away,
            node("Unsqueeze", ["away", "axes"], ["away4"]),
            *attention("cq", "present.0.encoder.key", "present.0.encoder.value", "cross", "away4"),
            node("Add", ["own", "cross"], ["y"]),
            node("MatMul", ["y", "out"], ["z"]),
            node("MatMul", ["z", "wordst"], ["said"]),
            # The longer the text, the likelier its end.
            node("Shape", ["past_key_values.0.decoder.key"], ["past_shape"]),
            node("Gather", ["past_shape", "two"], ["step"]),
            node("Cast", ["step"], ["stepf"], to=TensorProto.FLOAT),
            node("Mul", ["ending", "stepf"], ["end"]),
            node("Add", ["said", "bias"], ["biased"]),
            node("Add", ["biased", "end"], ["logits"]),
        ],
        [
            value("encoder_attention_mask", TensorProto.INT64, "batch_size", "encoder_sequence_length"),
            value("encoder_hidden_states", TensorProto.FLOAT, "batch_size", "encoder_sequence_length", WIDTH),
            value("inputs_embeds", TensorProto.FLOAT, "batch_size", "decoder_sequence_length", WIDTH),
            *cache[:4],
            value("use_cache_branch", TensorProto.BOOL, 1),
        ],
        [value("logits", TensorProto.FLOAT, "batch_size", "decoder_sequence_length", len(tokens)), *cache[4:]],
        [
            *square,
            *numbers,
            numpy_helper.from_array(numpy_helper.to_array(table).T.copy(), "wordst"),
            numpy_helper.from_array(ending, "ending"),
            numpy_helper.from_array(bias, "bias"),
            constant("split", [0, 0, HEADS, WIDTH // HEADS]),
            constant("join", [0, 0, WIDTH]),
            constant("axes", [1, 2]),
            constant("two", 2),
        ],
    )


def made_picture(width, height, shade):
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    return Image.fromarray(((x // 40 * 53 + y // 30 * 29 + c * shade) % 256).astype(np.uint8))


def caption(image, task, most):
    """Greedy decoding by the book: the first token is <s>, no three tokens come again, the last possible one is the end."""
    session = {name: onnxruntime.InferenceSession(HERE / "onnx" / f"{name}.onnx") for name in ("embed_tokens", "vision_encoder", "encoder_model_quantized", "decoder_model_merged_quantized")}
    tokens = Tokenizer.from_file(str(HERE / "tokenizer.json"))
    pixels = np.asarray(image.resize((768, 768), Image.BICUBIC)).astype(np.float32) / 255
    pixels = ((pixels - np.array(MEAN, np.float32)) / np.array(STD, np.float32)).transpose(2, 0, 1)[None]
    embed = lambda ids: session["embed_tokens"].run(None, {"input_ids": np.array([ids])})[0]
    [features] = session["vision_encoder"].run(None, {"pixel_values": pixels})
    states = np.concatenate([features, embed(tokens.encode(TASKS[task]).ids)], 1)
    mask = np.ones(states.shape[:2], np.int64)
    [states] = session["encoder_model_quantized"].run(None, {"inputs_embeds": states, "attention_mask": mask})
    decoder = session["decoder_model_merged_quantized"]
    past = {f"past_key_values.0.{side}.{part}": np.zeros((1, HEADS, 0, WIDTH // HEADS), np.float32) for side in ("decoder", "encoder") for part in ("key", "value")}
    ids = [2]
    while len(ids) <= most:
        feeds = {"encoder_attention_mask": mask, "encoder_hidden_states": states, "inputs_embeds": embed(ids[-1:]), "use_cache_branch": np.array([len(ids) > 1]), **past}
        made = dict(zip([output.name for output in decoder.get_outputs()], decoder.run(None, feeds)))
        past = {name.replace("present", "past_key_values"): array for name, array in made.items() if name != "logits"}
        logits = made["logits"][0, -1]
        for i in range(len(ids) - 2):
            if ids[i : i + 2] == ids[-2:]:
                logits[ids[i + 2]] = -np.inf
        ids.append(0 if len(ids) == 1 else 2 if len(ids) == most else int(logits.argmax()))
        if ids[-1] == 2:
            break
    return {"text": tokens.decode(ids, skip_special_tokens=True), "tokens": len(ids)}


if __name__ == "__main__":
    names = tokenizer()
    configurations(names)
    networks(names)
    most = {"<CAPTION>": 48, "<DETAILED_CAPTION>": 128, "<MORE_DETAILED_CAPTION>": 256}
    pictures = [(768, 768, 91), (768, 768, 40), (640, 360, 7)]
    write("reference.json", [{"width": w, "height": h, "shade": shade, "task": task, **caption(made_picture(w, h, shade), task, most[task])} for w, h, shade in pictures for task in TASKS])
