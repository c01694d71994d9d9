/** Something the camera sees for a while. */
export interface Shot {
  /** A source of ffmpeg's lavfi device, without size and rate. */
  readonly source: string;
  readonly seconds: number;
  /** A picture from `signs/` that drifts through the shot. */
  readonly sign?: string;
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
  readonly kind: "said" | "written" | "meant";
  readonly query: string;
  /** Where the answer was planted. */
  readonly clip: string;
  readonly atMs: number;
}

const SEA = "gradients=c0=0x1d3f66:c1=0x86b6d8:nb_colors=2:seed=3:speed=0.02";
const DUSK = "gradients=c0=0x50204a:c1=0xe0884a:nb_colors=2:seed=8:speed=0.015";
const MEADOW = "gradients=c0=0x14401c:c1=0xb8d060:nb_colors=2:seed=5:speed=0.02";
const FRACTAL = "mandelbrot=maxiter=160:end_scale=0.02:end_pts=300";
const CELLS = "life=mold=12:ratio=0.12:random_seed=11:death_color=0x803020:life_color=0xf0e0a0";

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
];

/** The last one shares no word stem with anything in the footage: words alone find nothing. */
export const QUESTIONS: readonly Question[] = [
  { kind: "said", query: "the last train to the mountains", clip: "evening-news.mp4", atMs: 13_000 },
  { kind: "written", query: "north pier ferry", clip: "ferry.mp4", atMs: 10_500 },
  { kind: "meant", query: "baking a dessert", clip: "one-take.mp4", atMs: 4_000 },
];
