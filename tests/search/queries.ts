/** A question about the demo's footage, and the second that answers it. */
export interface Answerable {
  readonly query: string;
  readonly clip: string;
  /** The answer's span must hold it. */
  readonly atMs: number;
}

const BRIDGE = { clip: "evening-news.mp4", atMs: 3_000 };
const TRAIN = { clip: "evening-news.mp4", atMs: 14_000 };
const CAKE = { clip: "one-take.mp4", atMs: 4_000 };
const FERRY = { clip: "ferry.mp4", atMs: 10_500 };
const MUSEUM = { clip: "silent-walk.mp4", atMs: 5_000 };

/** In the footage: by its words, by some of them, or by what they mean. Odd places set the floor, even ones test it. */
export const ANSWERABLE: readonly Answerable[] = [
  { query: "the old bridge across the river", ...BRIDGE },
  { query: "bridge closed until next summer", ...BRIDGE },
  { query: "last train to the mountains", ...TRAIN },
  { query: "train leaves at seven in the evening", ...TRAIN },
  { query: "butter and sugar", ...CAKE },
  { query: "put the cake in the oven", ...CAKE },
  { query: "north pier ferry", ...FERRY },
  { query: "ferry departs nine forty", ...FERRY },
  { query: "museum of clocks", ...MUSEUM },
  { query: "closed on monday", ...MUSEUM },
  { query: "bridge", ...BRIDGE },
  { query: "train", ...TRAIN },
  { query: "oven", ...CAKE },
  { query: "pier", ...FERRY },
  { query: "museum", ...MUSEUM },
  { query: "river bridge", ...BRIDGE },
  { query: "evening train", ...TRAIN },
  { query: "mixing butter", ...CAKE },
  { query: "ferry departure", ...FERRY },
  { query: "clocks", ...MUSEUM },
  { query: "when does the last train leave", ...TRAIN },
  { query: "when will the bridge be closed", ...BRIDGE },
  { query: "where does the ferry leave from", ...FERRY },
  { query: "what day is the museum closed", ...MUSEUM },
  { query: "who mixed the butter and the sugar", ...CAKE },
  { query: "baking a dessert", ...CAKE },
  { query: "cooking with chocolate and cream", ...CAKE },
  { query: "railway journey", ...TRAIN },
  { query: "boat at the north pier", ...FERRY },
  { query: "mountain train", ...TRAIN },
];

/** Not in the footage, in words that people search with. */
export const ABSENT: readonly string[] = [
  "football match in the rain",
  "a dog runs on the beach",
  "parliament votes on the budget",
  "violin concert",
  "how to repair a bicycle",
  "wedding speech",
  "the stock market crashed",
  "hospital emergency room",
  "elephants at the waterhole",
  "rocket launch countdown",
  "interview with the prime minister",
  "police arrest a suspect",
  "painting the fence white",
  "chess world championship",
  "earthquake damage",
  "children playing hide and seek",
  "the president signs a treaty",
  "guitar solo",
  "snowboarding accident",
  "computer virus attack",
  "job application",
  "lawyer in court",
  "birthday present",
  "tiger in the zoo",
  "vaccination campaign",
  "tax return deadline",
  "basketball final score",
  "volcano eruption",
  "wheelchair access",
  "astronaut on the moon",
];
