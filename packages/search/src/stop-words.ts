const list = (words: string) => new Set(words.split(" "));

/** English function words, as `fold` leaves them (no apostrophes): they bind sentences and say nothing about their subject. */
export const STOP_WORDS: ReadonlySet<string> = list(
  "a about above after again against all also am an and any are arent as at be because been before being below between " +
    "both but by can cannot cant could couldnt did didnt do does doesnt doing dont down during each either else ever every few for from further " +
    "get gets got had hadnt has hasnt have havent having he her here hers herself him himself his how however i id if ill im in into is isnt it " +
    "its itself ive just lets like may me might more most much must my myself neither no nor not of off on once one only onto or other our ours ourselves out " +
    "over own per shall she should shouldnt so some such than that thats the their theirs them themselves then there theres these they " +
    "theyre this those through thus to too toward towards under until up upon us very was wasnt we well were werent what whats when " +
    "where which while who whom whose why will with within without wont would wouldnt yes yet you your youre yours yourself yourselves",
);

/** Words people put around what they look for: they say something of a text, little of a question. */
export const QUERY_WORDS: ReadonlySet<string> = list(
  "anyone anything clip clips find footage look looking mention mentioned mentions moment moments movie part people person please say saying says " +
    "scene scenes search see seen shot shots show showing shown shows somebody someone something speak speaking talk talked talking " +
    "talks tell telling tells video videos",
);

/** Words of those that are also labels of what is seen. */
export const ASIDES: ReadonlySet<string> = list("people person");
