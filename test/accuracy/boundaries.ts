/** The inputs of losses and vector functions at which something changes. */
import { bitsOf, cases, inputsOf, isLoss, type Name } from "./cases.js";

/** Where kernels may change their way: around each number two neighbours on either side, of both signs; as bits. */
export function boundaries(name: Name): Uint32Array {
  const ranges = inputsOf(name);
  const isInput = (bits: number) => ranges.some(({ first, count }) => bits >= first && bits < first + count);
  return Uint32Array.from(new Set(neighbours(name))).filter(isInput);
}

function* neighbours(name: Name): Generator<number> {
  for (const x of numbers(name)) {
    const bits = bitsOf(x);
    for (let step = -2; step <= 2; step++) {
      const near = Math.max(0, Math.min(0x7f800000, bits + step));
      yield near;
      yield near + 0x80000000;
    }
  }
}

function* numbers(name: Name): Generator<number> {
  yield 0;
  yield Infinity;
  // Powers of two, where a logarithm splits between them, and what is as far from 1.
  for (let exponent = -149; exponent <= 127; exponent++) {
    yield 2 ** exponent;
    yield Math.SQRT1_2 * 2 ** exponent;
    if (exponent < 0) yield 1 - 2 ** exponent;
  }
  // Where an exponential takes one more turn, of x and of 2x; and where one ends, is subnormal, is 0.
  for (let turn = 0; turn < 256; turn++) {
    yield (turn + 0.5) * Math.LN2;
    yield (turn + 0.5) * (Math.LN2 / 2);
  }
  for (const end of [87.33654, 88.72284, 103.27893, 103.97208, 104, 150.3, 176]) {
    yield end;
    yield end / 2;
  }
  // Where squares leave the normal numbers.
  for (const square of [2 ** 60, 2 ** -50, 2 ** 64, 2 ** -63, 2 ** -75]) yield square;
  for (const edge of [0.25, 0.34, 0.75, 1.5, 2, 3]) yield edge;
  if (!isLoss(name)) return;
  for (const settings of cases[name].settings) {
    for (const parameter of Object.values(settings)) {
      if (parameter === null) continue;
      yield parameter;
      yield 1 - parameter;
    }
  }
  for (const usual of [1e-6, 1e-7]) {
    yield usual;
    yield 1 - usual;
  }
}
