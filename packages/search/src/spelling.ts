/** An English word in American spelling: people search in British, and recognizers and subtitles write either. Only words of these lists are changed, never an
 * ending alone: "four" is not "for", nor "surprise" "surprize". Takes and gives folded words; runs before stemming. */
export function spelling(word: string): string {
  const other = OTHERS.get(word);
  if (other !== undefined) return other;
  for (const [british, american] of RULES) if (british.test(word)) return word.replace(british, american);
  return word;
}

const list = (words: string) => words.trim().split(/\s+/).join("|");

const OUR =
  list(`arb ard arm behavi cand clam col discol demean endeav fav ferv flav harb hon dishon hum lab neighb od parl ranc rig rum savi sav splend
  tum val vap vig`);
const RE = list("calib cent fib lit lust meag met kilomet centimet millimet och sab scept somb spect theat");
const ISE =
  list(`apolog categor character civil colon critic crystall emphas equal familiar final general global harmon hospital ideal industrial legal local
  maxim memor minim mobil modern national neutral normal optim organ reorgan personal popular privat real recogn reson special stabil standard
  summar symbol sympath synchron terror util visual`);
const ELL = list(
  "cancel channel counsel dial fuel jewel label level marvel model panel quarrel signal total travel tunnel",
);

const RULES: readonly (readonly [RegExp, string])[] = [
  [new RegExp(`^(${OUR})our`), "$1or"],
  [new RegExp(`^(${RE})re(?=s?$)`), "$1er"],
  [new RegExp(`^(${RE})r(?=(?:ed|ing)$)`), "$1er"],
  [new RegExp(`^(${ISE})is(?=(?:e[drs]?|ers|ing|ations?)$)`), "$1iz"],
  [/^(anal|catal|paral)ys(?=(?:e[drs]?|ers|ing)$)/, "$1yz"],
  [new RegExp(`^(${ELL})l(?=(?:ed|ers?|ing|ors?)$)`), "$1"],
];

const OTHERS: ReadonlyMap<string, string> = new Map([
  ["aeroplane", "airplane"],
  ["aeroplanes", "airplanes"],
  ["catalogue", "catalog"],
  ["catalogues", "catalogs"],
  ["defence", "defense"],
  ["defences", "defenses"],
  ["dialogue", "dialog"],
  ["dialogues", "dialogs"],
  ["grey", "gray"],
  ["jewellery", "jewelry"],
  ["licence", "license"],
  ["licences", "licenses"],
  ["mould", "mold"],
  ["moustache", "mustache"],
  ["offence", "offense"],
  ["offences", "offenses"],
  ["plough", "plow"],
  ["ploughs", "plows"],
  ["programme", "program"],
  ["programmes", "programs"],
  ["pyjamas", "pajamas"],
  ["tyre", "tire"],
  ["tyres", "tires"],
]);
