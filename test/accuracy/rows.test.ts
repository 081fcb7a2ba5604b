/** The thinned proofs of rows and of sums, and what they measure by: exact rows against mpmath's, exact sums against integers. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as simdloss from "../../src/index.js";
import {
  decimal,
  distillation,
  type ExactRow,
  exp,
  gaussianKl,
  klDivergence,
  klDivergenceWithLogits,
  type Result,
  softmaxCrossEntropy,
} from "./exactRows.js";
import * as rows from "./rows.js";
import * as sums from "./sums.js";

type Entry = number | "Infinity" | "-Infinity";
type Entries = readonly Entry[];
type Derivatives = Entries | { readonly mean: Entries; readonly logVariance: Entries };

/** As golden/rows.py writes them. */
interface Case {
  readonly loss: string;
  readonly type: "float32" | "float64";
  readonly options: { readonly epsilon?: number; readonly temperature?: number };
  readonly rows: readonly {
    readonly x: Entries;
    readonly y?: Entries;
    readonly label?: number;
    readonly value: Entry;
    readonly grad: Derivatives;
    readonly hess: Derivatives;
    readonly scale?: { readonly value?: Entry; readonly grad?: Entries };
  }[];
}

function casesOf(file: URL): readonly Case[] {
  const cases: unknown = JSON.parse(readFileSync(file, "utf8"));
  if (!isCases(cases)) throw new Error(`${file} holds no cases`);
  return cases;
}

function isCases(cases: unknown): cases is readonly Case[] {
  return Array.isArray(cases) && cases.length > 0;
}

function exactly({ loss, type, options }: Case, { x, y = [], label }: Case["rows"][number]): ExactRow {
  const rounded = (option: number) => (type === "float32" ? Math.fround(option) : option);
  const [first, second] = [x.map(Number), y.map(Number)];
  switch (loss) {
    case "softmaxCrossEntropy":
      return softmaxCrossEntropy(first)(label ?? second);
    case "klDivergence":
      return klDivergence(first, second, rounded(options.epsilon ?? 1e-7));
    case "klDivergenceWithLogits":
      return klDivergenceWithLogits(first, second);
    case "distillation":
      return distillation(first, second, rounded(options.temperature ?? 1));
    case "gaussianKl":
      return gaussianKl(first, second);
    default:
      throw new Error(`${loss} is no loss of rows`);
  }
}

const flat = (derivatives: Derivatives): Entries =>
  "mean" in derivatives ? [...derivatives.mean, ...derivatives.logVariance] : derivatives;

describe("exact rows", () => {
  const golden = casesOf(new URL("../golden/rows-mpmath.json", import.meta.url));
  const plain = golden.filter(
    ({ options }) => !("labelSmoothing" in options || "classWeights" in options || "ignoreIndex" in options),
  );

  it.each([...new Set(plain.map(({ loss }) => loss))])(
    "of %s are mpmath's, and errors are measured as there",
    (loss) => {
      const wrong: string[] = [];
      let compared = 0;
      for (const golden of plain.filter((golden) => golden.loss === loss)) {
        for (const row of golden.rows.slice(0, 1)) {
          const { value, grad, hess } = exactly(golden, row);
          const check = (what: string, { exact, size }: Result, entry: Entry, scale: Entry = 0) => {
            compared++;
            const right = Number(entry);
            const measure = Math.max(Math.abs(right), Number(scale));
            const off = exact.toNumber() === right ? 0 : exact.minus(decimal(right)).abs().toNumber();
            const apart =
              exact.toNumber() === right && !Number.isFinite(right) ? 0 : Math.abs(size.toNumber() - measure);
            // There results are rounded once, and measures written with four digits; here 60 digits leave something of what is 0.
            const most = Math.max(2 ** -53 * Math.abs(right) + 1e-45 * measure, 2 ** -1074);
            if (off <= (right === 0 ? 1e-45 : most) && apart <= (measure === 0 ? 1e-45 : 1e-3 * measure)) return;
            wrong.push(`${what} of ${JSON.stringify(row.x)}: ${exact} ± ${size}, not ${right} ± ${measure}`);
          };
          check("value", value, row.value, row.scale?.value);
          for (const [k, right] of flat(row.grad).entries()) {
            check(`grad[${k}]`, grad[k] ?? value, right, row.scale?.grad?.[k]);
          }
          for (const [k, right] of flat(row.hess).entries()) check(`hess[${k}]`, hess[k] ?? value, right);
        }
      }
      expect(wrong).toEqual([]);
      expect(compared).toBeGreaterThan(100);
    },
  );

  it("are of exponentials with 57 digits", () => {
    for (const x of [1e-30, -0.1, 1 / 3, -17.2, 88.7, -1e4 / 3, 1e4]) {
      const right = decimal(x).exp();
      expect(exp(x).minus(right).abs().div(right).toNumber()).toBeLessThan(1e-57);
    }
    expect(exp(-Infinity).toNumber()).toBe(0);
  });

  it("are of numbers as they are, not of their shortest digits", () => {
    expect(decimal(0.1).toFixed()).toBe("0.1000000000000000055511151231257827021181583404541015625");
    expect(decimal(-(2 ** -1074)).toNumber()).toBe(-(2 ** -1074));
  });
});

describe("proof of rows", () => {
  it("finds all of them within their bounds", () => {
    const verdicts = rows.judgeRows(simdloss, { longest: 5003, every: 12 });
    expect(rows.beyond(verdicts)).toEqual([]);
    expect(verdicts.length).toBeGreaterThan(100);
  });
});

describe("proof of sums", () => {
  it("adds without rounding", () => {
    const { sum, size } = sums.exactSum(Float64Array.of(1e308, 1, 2 ** -1074, -1e308, -(2 ** -1022), -3));
    const unit = 2n ** 1074n;
    expect(sum).toBe(1n - 2n ** 52n - 2n * unit);
    expect(size).toBe(2n * BigInt(1e308) * unit + 4n * unit + 2n ** 52n + 1n);
    expect(() => sums.exactSum(Float32Array.of(1, NaN))).toThrow(RangeError);
  });

  it("finds those of every loss within their bounds", () => {
    const verdicts = sums.judgeSums(simdloss, 100_002);
    expect(sums.beyond(verdicts)).toEqual([]);
    expect(verdicts.length).toBe(60);
  });
});
