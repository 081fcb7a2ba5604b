/** A part of `npm run accuracy`: every 331st float32, and every boundary. */
import { beforeAll, describe, expect, it } from "vitest";
import * as simdloss from "../../src/index.js";
import { boundaries } from "./boundaries.js";
import { bitsOf, boundOf, inputsOf, lossNames, type Name, names } from "./cases.js";
import { compileAll, type Losses, newVerdicts, Scanner, type Verdict } from "./scan.js";

/** A prime, so that it meets mantissas of every kind. */
const STRIDE = 331;

let scanner: Scanner;
beforeAll(() => {
  compileAll();
  scanner = new Scanner(simdloss);
}, 60_000);

describe.each(names)("%s", (name) => {
  it(`is within its bound for every ${STRIDE}st float32`, { timeout: 60_000 }, () => {
    const verdicts = newVerdicts(name);
    for (const { first, count } of inputsOf(name)) {
      scanner.scan(name, { first, stride: STRIDE, count: Math.ceil(count / STRIDE) }, verdicts);
    }
    const counts = inputsOf(name).map(({ count }) => Math.ceil(count / STRIDE));
    expect(verdicts[0]?.count).toBe(counts.reduce((sum, count) => sum + count));
    expectWithin(name, verdicts);
  });

  it("is within its bound around every boundary", () => {
    const verdicts = newVerdicts(name);
    const bits = boundaries(name);
    expect(bits.length).toBeGreaterThan(1000);
    scanner.scanBits(name, bits, verdicts);
    expectWithin(name, verdicts);
  });
});

describe("the oracle", () => {
  const bits = Uint32Array.of(bitsOf(0.25), bitsOf(0.28125), bitsOf(0.3125));

  it.each(lossNames)("finds each result of %s to be off that is", (name) => {
    const verdicts = newVerdicts(name);
    new Scanner(spoiled(5 * 2 ** -23)).scanBits(name, bits, verdicts);
    for (const verdict of verdicts) {
      const { worst, at, half, one, two, thousand, count } = verdict;
      expect([half, one, two, thousand, count]).toEqual(isZero(name, verdict) ? [0, 0, 0, 0, 3] : [3, 3, 3, 0, 3]);
      if (isZero(name, verdict)) continue;
      expect(worst).toBeGreaterThan(2.4);
      expect(worst).toBeLessThan(12);
      expect([...bits]).toContain(at);
    }
  });

  it.each(lossNames)("counts results of %s that have lost their digits", (name) => {
    const verdicts = newVerdicts(name);
    new Scanner(spoiled(2 ** -10)).scanBits(name, bits, verdicts);
    for (const verdict of verdicts) expect(verdict.thousand).toBe(isZero(name, verdict) ? 0 : 3);
  });

  it("leaves out what there is no verdict for", () => {
    const verdicts = newVerdicts("huber").filter(({ settings }) => settings.delta === 0.1);
    const calls: unknown[] = [];
    new Scanner({
      huber: { valueGradHess: (...given) => calls.push(given) && simdloss.huber.valueGradHess(...given) },
    }).scanBits("huber", bits, verdicts);
    expect(verdicts.map(({ count }) => count)).toEqual([3, 3, 3]);
    expect(calls.length).toBe(1);
  });
});

/** A second derivative of 0 stays 0, whatever it is multiplied by. */
function isZero(name: Name, { result, settings }: Verdict): boolean {
  return result === "hess" && (name === "mae" || (name === "huber" && settings.delta === 0.1));
}

/** Every result times 1 + `by`. */
function spoil({ valueGradHess }: Losses[keyof Losses], by: number): Losses[keyof Losses] {
  return {
    valueGradHess(prediction, target, options) {
      valueGradHess(prediction, target, options);
      for (const output of Object.values(options.out)) output.set(output.map((x) => x * (1 + by)));
    },
  };
}

const spoiled = (by: number): Losses => ({
  mae: spoil(simdloss.mae, by),
  mse: spoil(simdloss.mse, by),
  huber: spoil(simdloss.huber, by),
  logCosh: spoil(simdloss.logCosh, by),
  charbonnier: spoil(simdloss.charbonnier, by),
  bce: spoil(simdloss.bce, by),
  bceWithLogits: spoil(simdloss.bceWithLogits, by),
  focal: spoil(simdloss.focal, by),
  focalWithLogits: spoil(simdloss.focalWithLogits, by),
});

function expectWithin(name: Name, verdicts: readonly Verdict[]): void {
  const beyond = verdicts.filter(({ worst }) => !(worst <= boundOf(name)));
  expect(beyond).toEqual([]);
}
