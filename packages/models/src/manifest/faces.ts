import type { ModelEntryInput } from "../manifest-schema.ts";

/** Find and compare faces: `vision.faces`. */
export const faceModels: readonly ModelEntryInput[] = [
  {
    id: "human-faces",
    profiles: ["bundled"],
    purpose: "Finds faces and tells people apart, without naming them",
    stages: ["vision.faces"],
    revision: "BlazeFace (back camera), Face Mesh, FaceRes of @vladmandic/human 3.3.6",
    licence: {
      spdx: "MIT AND Apache-2.0",
      note: "BlazeFace and Face Mesh: Google MediaPipe, Apache-2.0. The npm package that carries them, with its photograph, is MIT. FaceRes comes from HSE_FaceRec_tf by A. Savchenko, trained on VGGFace2; its repository carries no licence file that we found.",
    },
    source: {
      kind: "npm",
      package: "@vladmandic/human",
      version: "3.3.6",
      integrity: "sha512-Nr5mPfq1gQ+uKeXY5uM3Fj8UxvF5CEh2s6txM5wRThqaW0mF9huooOuZSrT8hhGho0hGaXLFdAwfD/2+teCv6A==",
      size: 28_615_417,
    },
    files: {
      "blazeface.json": {
        path: "models/blazeface.json",
        sha256: "cd7bbfc078270572beb39f9e5ae67aadbd50b5e67cff37e6d4f6b3ea39312e5f",
        size: 79_038,
      },
      "blazeface.bin": {
        path: "models/blazeface.bin",
        sha256: "dc9a97fdc50bc43216554bdd69aa3e7b9361a519ee7bdd996a2f69a98a6f9b72",
        size: 538_928,
      },
      "facemesh.json": {
        path: "models/facemesh.json",
        sha256: "b60ca26f404724f43bd2b1575761d8265180e1f053cc0731caa68462927309e7",
        size: 95_845,
      },
      "facemesh.bin": {
        path: "models/facemesh.bin",
        sha256: "3826da640b0a3021161605369ee6af293f75d518040355b960ec71a3390c1c0b",
        size: 1_477_958,
      },
      "faceres.json": {
        path: "models/faceres.json",
        sha256: "5b83d49c0385d2e68a05122441b94226313677cae9fcc40b9587ad50079eb4df",
        size: 71_432,
      },
      "faceres.bin": {
        path: "models/faceres.bin",
        sha256: "2c7d2d62b76c97528b736527aa09d310ea71743c9e3e79fb6c62d4b2d73af79b",
        size: 6_978_814,
      },
      "samples.jpg": {
        path: "assets/samples.jpg",
        sha256: "cc08cc353cbb38beb0ac32a0900a92e78a3656acb477212ac360e3da6331bb9e",
        size: 267_076,
      },
    },
    runtime: "tfjs-wasm",
    preprocessing:
      "blazeface: 256 px letterboxed on black, RGB x/127.5-1; facemesh: 192 px around the upright face at 1.5 times its box, RGB x/255; faceres: 224 px aligned by five marks with a margin of 1.2, BGR minus 103.939/116.779/123.68. samples.jpg: a photograph of people, for demo and tests.",
  },
  {
    id: "yunet-sface",
    profiles: ["standard"],
    purpose: "Finds faces and tells people apart, without naming them",
    stages: ["vision.faces"],
    revision: "YuNet 2023mar and SFace 2021dec of the OpenCV Zoo",
    licence: {
      spdx: "MIT AND Apache-2.0",
      note: "YuNet: Shiqi Yu, MIT. SFace: Yaoyao Zhong and others, Apache-2.0. Both as the OpenCV Zoo's folders say.",
    },
    source: {
      kind: "https",
      baseUrl:
        "https://media.githubusercontent.com/media/opencv/opencv_zoo/47534e27c9851bb1128ccc0102f1145e27f23f98/models/",
    },
    files: {
      "yunet.onnx": {
        path: "face_detection_yunet/face_detection_yunet_2023mar.onnx",
        sha256: "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
        size: 232_589,
      },
      "sface.onnx": {
        path: "face_recognition_sface/face_recognition_sface_2021dec.onnx",
        sha256: "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
        size: 38_696_353,
      },
    },
    runtime: "onnxruntime",
    preprocessing: "yunet: 640 px letterboxed on black, BGR 0..255; sface: 112 px aligned by five marks, RGB 0..255.",
  },
];
