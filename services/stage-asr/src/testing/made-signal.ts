/** The signal that fixtures/make_whisper.py is made with, sample by sample: whole numbers only. */
export function madeSignal(samples: number): Int16Array<ArrayBuffer> {
  const pcm = new Int16Array(samples);
  let state = 12_345;
  for (let n = 0; n < samples; n++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const part = Math.floor(n / 8000);
    const period = 40 + 13 * (part % 7);
    const noise = (state >>> 17) - 16_384;
    const tone = n % period < Math.floor(period / 2) ? 6000 : -6000;
    pcm[n] = part % 3 === 0 ? tone : part % 3 === 1 ? Math.floor(noise / 4) : Math.floor((tone + noise) / 2);
  }
  return pcm;
}
