/** Order of two semantic versions by precedence (https://semver.org, section 11): negative when `a` comes before `b`, 0 when neither does. Build metadata
 * says nothing. Pure. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parse(a), parse(b)];
  for (let at = 0; at < 3; at++) {
    const order = Number(left.numbers[at]) - Number(right.numbers[at]);
    if (order !== 0) return order;
  }
  // A version before its release comes before the release.
  if (left.before.length === 0 || right.before.length === 0) return right.before.length - left.before.length;
  for (let at = 0; at < Math.max(left.before.length, right.before.length); at++) {
    const order = compareIdentifiers(left.before[at], right.before[at]);
    if (order !== 0) return order;
  }
  return 0;
}

function parse(version: string): { numbers: string[]; before: string[] } {
  const [, core = "", before = ""] = /^([^-+]*)(?:-([^+]*))?/.exec(version) ?? [];
  return { numbers: core.split("."), before: before === "" ? [] : before.split(".") };
}

/** Numbers before words, numbers by value, words by their characters; where all else is equal, fewer come first. */
function compareIdentifiers(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? -1 : 1;
  const [isNumber, isOtherNumber] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (isNumber && isOtherNumber) return Number(a) - Number(b);
  if (isNumber !== isOtherNumber) return isNumber ? -1 : 1;
  return a === b ? 0 : a < b ? -1 : 1;
}
