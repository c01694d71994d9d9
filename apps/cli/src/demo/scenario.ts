/** Something the camera sees for a while: made up, or a piece of the photograph. */
export type Shot = MadeShot | PhotographShot;

export interface MadeShot {
  /** A source of ffmpeg's lavfi device, without size and rate. */
  readonly source: string;
  readonly seconds: number;
  /** A picture from `signs/` that drifts through the shot. */
  readonly sign?: string;
}

/** The camera moves over a piece of the photograph from its left end to its right. */
export interface PhotographShot {
  readonly piece: Piece;
  readonly seconds: number;
}

/** A rectangle of the photograph, pixels from its top left corner. */
export interface Piece {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A picture that is cut out of the photograph to be searched by. */
export interface Picture {
  readonly name: string;
  readonly piece: Piece;
  /** Pixels across: the piece is scaled to it. */
  readonly width: number;
  /** ffmpeg's scale of JPEG quality, 2 (best) to 31. */
  readonly quality: number;
}

/** Something somebody says. Only letters and spaces: it becomes part of a filter's arguments. */
export interface Line {
  readonly text: string;
  readonly atSeconds: number;
}

export interface Clip {
  readonly name: string;
  readonly shots: readonly Shot[];
  /** Absent: the clip has no sound at all. */
  readonly sound?: { readonly lines: readonly Line[] };
}

export interface Question {
  readonly kind: "said" | "written" | "meant" | "seen" | "alike";
  /** Words, or the name of the picture to search by. */
  readonly query: string;
  /** The channel of search that has to be among the reasons for the answer. */
  readonly through: "spoken" | "written" | "text" | "labels" | "image";
  /** Where the answer was planted. */
  readonly clip: string;
  readonly atMs: number;
}

const SEA = "gradients=c0=0x1d3f66:c1=0x86b6d8:nb_colors=2:seed=3:speed=0.02";
const DUSK = "gradients=c0=0x50204a:c1=0xe0884a:nb_colors=2:seed=8:speed=0.015";
const MEADOW = "gradients=c0=0x14401c:c1=0xb8d060:nb_colors=2:seed=5:speed=0.02";
const FRACTAL = "mandelbrot=maxiter=160:end_scale=0.02:end_pts=300";
const CELLS = "life=mold=12:ratio=0.12:random_seed=11:death_color=0x803020:life_color=0xf0e0a0";

/** Pieces of the photograph that comes with the face model. What its makers drew over it hides most of the faces in the large picture; the small ones above
 * it are clean. */
const PARTY: Piece = { x: 100, y: 480, width: 1180, height: 500 };
const DINNER: Piece = { x: 326, y: 0, width: 211, height: 118 };
const DINNER_CLOSE: Piece = { x: 382, y: 4, width: 130, height: 71 };
const TERRACE: Piece = { x: 165, y: 2, width: 152, height: 82 };

/** Looks for the party: less of it than the clip shows, smaller, and compressed harder. */
export const PICTURE: Picture = {
  name: "wanted.jpg",
  piece: { x: 420, y: 540, width: 600, height: 400 },
  width: 330,
  quality: 12,
};

/** The demo's footage. The recognizer of the bundled profile (PocketSphinx) was tried on each line. */
export const CLIPS: readonly Clip[] = [
  {
    name: "ferry.mp4",
    shots: [
      { source: SEA, seconds: 4 },
      { source: FRACTAL, seconds: 4 },
      { source: MEADOW, seconds: 5, sign: "north-pier-ferry.png" },
      { source: CELLS, seconds: 3 },
    ],
    sound: { lines: [] },
  },
  {
    name: "evening-news.mp4",
    shots: [
      { source: DUSK, seconds: 7 },
      { source: CELLS, seconds: 3 },
      { source: SEA, seconds: 8 },
    ],
    sound: {
      lines: [
        { text: "the old bridge across the river will be closed until next summer", atSeconds: 1 },
        { text: "the last train to the mountains leaves at seven in the evening", atSeconds: 12 },
      ],
    },
  },
  {
    name: "one-take.mp4",
    shots: [{ source: MEADOW, seconds: 8 }],
    sound: { lines: [{ text: "she mixed butter and sugar and put the cake in the oven", atSeconds: 2 }] },
  },
  {
    name: "silent-walk.mp4",
    shots: [
      { source: FRACTAL, seconds: 3 },
      { source: DUSK, seconds: 4, sign: "museum-of-clocks.png" },
    ],
  },
  {
    name: "people.mp4",
    shots: [
      { piece: PARTY, seconds: 6 },
      { piece: DINNER, seconds: 3 },
      { piece: TERRACE, seconds: 3 },
      { piece: DINNER_CLOSE, seconds: 3 },
    ],
  },
];

/** What is meant and what is seen share no word stem with anything that is said or written in the footage: those words alone find nothing. */
export const QUESTIONS: readonly Question[] = [
  { kind: "said", query: "the last train to the mountains", through: "spoken", clip: "evening-news.mp4", atMs: 13_000 },
  { kind: "written", query: "north pier ferry", through: "written", clip: "ferry.mp4", atMs: 10_500 },
  { kind: "meant", query: "baking a dessert", through: "text", clip: "one-take.mp4", atMs: 4_000 },
  { kind: "seen", query: "a person", through: "labels", clip: "people.mp4", atMs: 7_500 },
  { kind: "alike", query: PICTURE.name, through: "image", clip: "people.mp4", atMs: 3_000 },
];
