/** How far f32 results are from exact ones, in units in the last place. */

/** Numbers in a batch. */
export const SIZE: i32 = 16384;

/** The inputs, f32; what the formulas of an input share, f64; the results to be judged, f32. */
export const INPUTS = memory.data(SIZE * 4, 16);
export const SHARED = memory.data(SIZE * 8 * 3, 16);
export const RESULTS = memory.data(SIZE * 4 * 3, 16);

/** Of each of three results: the largest error, the bits of its input, and how many errors are above ½, 1, 2 and 1000. */
export const VERDICTS = memory.data(3 * 6 * 8, 16);

/** Of each result judged while `recording`, for a check of the oracle itself: the exact one, and what its units are of. */
export const RECORDS = memory.data(SIZE * 8 * 2 * 3, 16);
let recording: bool = false;

export function record(on: bool): void {
  recording = on;
}

export function open(): void {
  memory.fill(VERDICTS, 0, 3 * 6 * 8);
}

export function inputAt(k: i32): f64 {
  return <f64>load<f32>(INPUTS + (k << 2));
}

export function sharedAt(k: i32, which: i32): f64 {
  return load<f64>(SHARED + ((which * SIZE + k) << 3));
}

export function share(k: i32, which: i32, x: f64): void {
  store<f64>(SHARED + ((which * SIZE + k) << 3), x);
}

/** Of the `which`-th result of input `k`; `scale` is the largest of terms that may cancel, or 0. */
export function judge(k: i32, which: i32, exact: f64, scale: f64): void {
  const got = load<f32>(RESULTS + ((which * SIZE + k) << 2));
  const nearest = <f32>exact;
  if (recording) {
    const at = RECORDS + ((which * SIZE + k) << 4);
    store<f64>(at, exact);
    store<f64>(at, max(abs(exact), scale), 8);
  }
  if (got == nearest || (got != got && exact != exact)) return;
  let error = abs(<f64>got - exact) / unit(max(abs(exact), scale));
  if (error != error) error = Infinity;
  count(VERDICTS + which * 48, error, k);
}

/** 2^(e − 23) of a number in [2^e, 2^(e + 1)), of subnormal ones 2^−149. */
function unit(x: f64): f64 {
  const exponent = max(<i64>(reinterpret<u64>(x) >> 52), 1023 - 126) - 23;
  return reinterpret<f64>(exponent << 52);
}

function count(verdict: usize, error: f64, k: i32): void {
  if (error > load<f64>(verdict)) {
    store<f64>(verdict, error);
    store<f64>(verdict + 8, <f64>load<u32>(INPUTS + (k << 2)));
  }
  if (error > 0.5) store<f64>(verdict + 16, load<f64>(verdict + 16) + 1);
  if (error > 1) store<f64>(verdict + 24, load<f64>(verdict + 24) + 1);
  if (error > 2) store<f64>(verdict + 32, load<f64>(verdict + 32) + 1);
  if (error > 1000) store<f64>(verdict + 40, load<f64>(verdict + 40) + 1);
}
