import { type OnnxModel, openOnnxModel, type Picture } from "@heimdex/engine";
import type { Box, Point } from "@heimdex/sidecar";
import { readAlphabet } from "./alphabet.ts";
import { isUpsideDown } from "./classifier.ts";
import { cropLine, halfTurn } from "./crop.ts";
import { detectLines } from "./detector.ts";
import { type LineText, lineText } from "./line-text.ts";
import { type Bounds, type Pixel, type Quad, quadBounds } from "./quad.ts";
import { readingOrder } from "./reading-order.ts";
import { recognizeLines } from "./recognizer.ts";
import type { Sighting } from "./sighting.ts";

/** Absolute paths of PP-OCRv4's parts. */
export interface TextModelFiles {
  readonly detector: string;
  readonly classifier: string;
  readonly recognizer: string;
  /** One character a line, UTF-8. */
  readonly dictionary: string;
}

export interface ReadOptions {
  /** Longest side the detector sees, in pixels. */
  readonly detectionSide: number;
  /** Texts the recognizer is less sure of are left out, 0..1. A lone character needs 0.92 at least. */
  readonly minConfidence: number;
}

/** A lone character is mostly a crossing of edges: on filmed rooms and streets without text "X" came with 0.81 to 0.87. */
const MIN_SINGLE_CONFIDENCE = 0.92;

/** Reads the text on pictures with PP-OCRv4: where (DB detector), which way up (classifier), what (CTC recognizer). */
export class TextReader {
  readonly #detector: OnnxModel;
  readonly #classifier: OnnxModel;
  readonly #recognizer: OnnxModel;
  readonly #alphabet: readonly string[];

  private constructor(models: readonly [OnnxModel, OnnxModel, OnnxModel], alphabet: readonly string[]) {
    [this.#detector, this.#classifier, this.#recognizer] = models;
    this.#alphabet = alphabet;
  }

  /** @param threads of one inference */
  static async open(files: TextModelFiles, threads: number): Promise<TextReader> {
    const alphabet = await readAlphabet(files.dictionary);
    const detector = await openOnnxModel(files.detector, threads);
    const classifier = await openOnnxModel(files.classifier, threads);
    const recognizer = await openOnnxModel(files.recognizer, threads);
    return new TextReader([detector, classifier, recognizer], alphabet);
  }

  /** All texts in reading order; none where there is no text. */
  async read(picture: Picture, { detectionSide, minConfidence }: ReadOptions): Promise<Sighting[]> {
    const quads = await detectLines(this.#detector, picture, detectionSide);
    const lines = quads.map((quad) => cropLine(picture, quad));
    const turned = new Map<number, Picture>();
    for (const [i, line] of lines.entries()) {
      if (await isUpsideDown(this.#classifier, line)) turned.set(i, halfTurn(line));
    }
    // The classifier errs on lines like "illness will fill the hill": both ways are read, and the surer one counts.
    const read = await recognizeLines(this.#recognizer, this.#alphabet, [...lines, ...turned.values()]);
    const texts = read.slice(0, lines.length).map((seen) => lineText(seen));
    for (const [k, i] of [...turned.keys()].entries()) {
      const other = lineText(read[lines.length + k] ?? []);
      if (other.confidence > (texts[i] as LineText).confidence) texts[i] = other;
    }

    const found: { bounds: Bounds; sighting: Sighting }[] = [];
    for (const [i, quad] of quads.entries()) {
      const { text, confidence } = texts[i] as LineText;
      const needed = [...text].length === 1 ? Math.max(minConfidence, MIN_SINGLE_CONFIDENCE) : minConfidence;
      if (text === "" || confidence < needed) continue;
      const bounds = quadBounds(quad);
      const where = isLevel(quad)
        ? { box: boxOn(picture, bounds) }
        : { box: boxOn(picture, bounds), polygon: quad.map((p) => pointOn(picture, p)) };
      found.push({ bounds, sighting: { text, confidence, ...where } });
    }
    return readingOrder(found.map(({ bounds }) => bounds)).map((i) => (found[i] as { sighting: Sighting }).sighting);
  }
}

/** Boxes of level text come out up to a degree askew. */
const MAX_LEVEL_DEGREES = 3;

function isLevel([a, b]: Quad): boolean {
  const degrees = (Math.atan2(b.y - a.y, b.x - a.x) * 180) / Math.PI;
  const off = Math.abs(degrees) % 90;
  return Math.min(off, 90 - off) <= MAX_LEVEL_DEGREES;
}

/** 0..1 with five digits: a tenth of a pixel at 4K. */
const part = (value: number, whole: number): number => Math.round(Math.min(1, Math.max(0, value / whole)) * 1e5) / 1e5;

const pointOn = ({ width, height }: Picture, p: Pixel): Point => ({ x: part(p.x, width), y: part(p.y, height) });

function boxOn({ width, height }: Picture, { x, y, w, h }: Bounds): Box {
  const left = part(x, width);
  const top = part(y, height);
  return {
    x: left,
    y: top,
    w: Math.min(part(w, width), part((1 - left) * width, width)),
    h: Math.min(part(h, height), part((1 - top) * height, height)),
  };
}
