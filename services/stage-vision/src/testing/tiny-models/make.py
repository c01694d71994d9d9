"""Makes the tiny models beside this file and what they must give: python3 make.py

Random weights behind the inputs and outputs of YuNet, SFace and D-FINE. reference.json holds what OpenCV's FaceDetectorYN and
FaceRecognizerSF, and for D-FINE onnxruntime, NumPy and Pillow make of them, without any code of Heimdex. Last run with onnx 1.23.2,
onnxruntime 1.32.0, opencv-python-headless 5.0.0, NumPy 2.4.6 and Pillow 13.0.0. `biome check --write` formats the JSON.
"""
import json
import pathlib

import cv2
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

HERE = pathlib.Path(__file__).parent
random = np.random.default_rng(4)
FLOAT = TensorProto.FLOAT


def weights(name, *shape, scale=1.0):
    return numpy_helper.from_array(random.normal(0, scale, shape).astype(np.float32), name)


def save(name, nodes, given, outputs, tensors):
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(given[0], FLOAT, given[1])],
        [helper.make_tensor_value_info(each, FLOAT, shape) for each, shape in outputs],
        tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, HERE / name)


def head(source, output, stride, channels, tensors, scale, sigmoid, bias=0.0):
    """Mean of each cell, a 1x1 convolution, cells as rows."""
    prefix = f"{output}_w"
    tensors.append(weights(prefix, channels, 3, 1, 1, scale=scale))
    tensors.append(numpy_helper.from_array(random.normal(bias, 0.3, channels).astype(np.float32), prefix + "b"))
    tensors.append(numpy_helper.from_array(np.array([1, -1, channels], np.int64), prefix + "s"))
    nodes = [
        helper.make_node("AveragePool", [source], [prefix + "p"], kernel_shape=[stride, stride], strides=[stride, stride]),
        helper.make_node("Conv", [prefix + "p", prefix, prefix + "b"], [prefix + "c"], kernel_shape=[1, 1]),
        helper.make_node("Transpose", [prefix + "c"], [prefix + "t"], perm=[0, 2, 3, 1]),
        helper.make_node("Reshape", [prefix + "t", prefix + "s"], [prefix + "r" if sigmoid else output]),
    ]
    return nodes + ([helper.make_node("Sigmoid", [prefix + "r"], [output])] if sigmoid else [])


def picture(width, height):
    """The same pattern as in tiny-models.ts: R G B."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([(x * x + 3 * y * (c + 1) + x * y) // (97 + 31 * c) % 256 for c in range(3)], -1).astype(np.uint8)


nodes, tensors, outputs = [], [], []
for stride in (8, 16, 32):
    cells = (640 // stride) ** 2
    for what, channels, scale, sigmoid in (("cls", 1, 0.02, True), ("obj", 1, 0.02, True), ("bbox", 4, 0.003, False), ("kps", 10, 0.005, False)):
        name = f"{what}_{stride}"
        nodes += head("input", name, stride, channels, tensors, scale, sigmoid)
        outputs.append((name, [1, cells, channels]))
save("yunet.onnx", nodes, ("input", [1, 3, 640, 640]), outputs, tensors)

tensors = [weights("w", 147, 128, scale=0.05)]
nodes = [
    helper.make_node("AveragePool", ["data"], ["p"], kernel_shape=[16, 16], strides=[16, 16]),
    helper.make_node("Flatten", ["p"], ["f"]),
    helper.make_node("MatMul", ["f", "w"], ["fc1"]),
]
save("sface.onnx", nodes, ("data", [1, 3, 112, 112]), [("fc1", [1, 128])], tensors)

tensors = []
nodes = head("pixel_values", "logits", 64, 80, tensors, 3, False, -4) + head("pixel_values", "pred_boxes", 64, 4, tensors, 2, True)
save("d-fine.onnx", nodes, ("pixel_values", [1, 3, 640, 640]), [("logits", [1, 100, 80]), ("pred_boxes", [1, 100, 4])], tensors)

bgr = picture(640, 640)[:, :, ::-1].copy()
detector = cv2.FaceDetectorYN.create(str(HERE / "yunet.onnx"), "", (640, 640), 0.6, 0.3, 5000)
faces = detector.detect(bgr)[1]
surest_faces = float(np.round(np.sort(faces[:, 14])[-40], 4))
marks = [[250.0, 200.0], [330.0, 215.0], [285.0, 260.0], [245.0, 300.0], [315.0, 310.0]]
recognizer = cv2.FaceRecognizerSF.create(str(HERE / "sface.onnx"), "")
row = np.array([[200, 150, 200, 220, *sum(marks, []), 0.9]], np.float32)
vector = recognizer.feature(recognizer.alignCrop(bgr, row))[0]

scene = Image.fromarray(picture(320, 240)).resize((640, 640), Image.BILINEAR)
pixels = (np.asarray(scene, np.float32) / 255).transpose(2, 0, 1)[None]
logits, boxes = onnxruntime.InferenceSession(HERE / "d-fine.onnx").run(["logits", "pred_boxes"], {"pixel_values": pixels})
scores = 1 / (1 + np.exp(-logits[0]))
surest_objects = float(np.round(np.sort(scores.ravel())[-40], 4))
objects = [
    [int(kind), float(scores[query, kind]), *map(float, boxes[0, query])]
    for query, kind in zip(*np.where(scores >= surest_objects))
]

rounded = lambda values: [round(float(value), 5) for value in values]
reference = {
    "yunet": {"min_confidence": surest_faces, "faces": [rounded(face) for face in faces if face[14] >= surest_faces]},
    "sface": {"marks": marks, "vector": rounded(vector / np.linalg.norm(vector))},
    "d_fine": {"min_confidence": surest_objects, "objects": [rounded(each) for each in objects]},
}
(HERE / "reference.json").write_text(json.dumps(reference, indent=1) + "\n")
print(len(faces), len(objects))
