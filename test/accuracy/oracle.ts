/** The oracle's own results against exact ones: it can judge float32 only by more digits than that has. */
import { boundaries } from "./boundaries.js";
import {
  cases,
  functionNames,
  inputsOf,
  isLoss,
  lossNames,
  type Name,
  type Range,
  results,
  type Settings,
} from "./cases.js";
import { answers, bitsBeyond, type Exact, type Question } from "./exact.js";
import { float32, parametersOf, predictionsOf } from "./points.js";
import { writeReport } from "./report.js";
import { compileAll, instance, type Oracle } from "./scan.js";
import { print, show, withBar } from "./table.js";

/** Bits beyond the 24 of a float32. */
const BOUND = 10;

/** Points with one setting and target; a function has none of these. */
interface Group extends Question {
  readonly settings: Settings;
  readonly target: number | undefined;
}

function groupsOf(name: Name): Group[] {
  if (!isLoss(name)) {
    const x = [...inputsOf(name).map(spread), boundaries(name)].flatMap(float32s).filter(Number.isFinite);
    return [{ name, settings: {}, parameters: {}, target: undefined, x, y: x }];
  }
  return cases[name].settings.flatMap((settings) => {
    const parameters = parametersOf(name, settings, float32);
    const all = predictionsOf(name, parameters, float32);
    // At 0 and 1 themselves, focal's derivatives are limits.
    const x = name === "focal" && parameters.epsilon === 0 ? all.filter((p) => p > 0 && p < 1) : all;
    return cases[name].targets.map((target) => ({ name, settings, parameters, target, x, y: x.map(() => target) }));
  });
}

/** Bits from one end to the other: as many of each exponent. */
function spread({ first, count }: Range): Uint32Array {
  return Uint32Array.from({ length: 5000 }, (_, k) => first + Math.floor((k / 5000) * count));
}

function float32s(bits: Uint32Array): number[] {
  return Array.from(new Float32Array(bits.slice().buffer));
}

/** What the oracle takes for exact, and for the scale of its units. */
interface Recorded {
  readonly exact: number;
  readonly scale: number;
}

class Recorder {
  private readonly oracle = instance<Oracle>("oracle.wasm");

  constructor() {
    this.oracle.record(true);
  }

  /** For each result of each point. */
  recordsOf(group: Group): Recorded[][] {
    const size = this.oracle.SIZE.value;
    return group.x.flatMap((_, k) => (k % size === 0 ? this.batch(group, group.x.slice(k, k + size)) : []));
  }

  private batch({ name, parameters, target }: Group, x: readonly number[]): Recorded[][] {
    const { memory, SIZE, INPUTS, RECORDS } = this.oracle;
    new Float32Array(memory.buffer, INPUTS.value, x.length).set(x);
    if (isLoss(name)) {
      const [a = 0, b = 0, c = 0] = Object.values(parameters).map((value) => value ?? Number.NaN);
      this.oracle.share(lossNames.indexOf(name), x.length);
      this.oracle.judge(lossNames.indexOf(name), x.length, target ?? 0, a, b, c);
    } else this.oracle.judgeFunction(functionNames.indexOf(name), x.length);
    const records = new Float64Array(memory.buffer, RECORDS.value, 2 * results.length * SIZE.value);
    const at = (place: number) => ({ exact: records[place] ?? Number.NaN, scale: records[place + 1] ?? Number.NaN });
    return x.map((_, k) => results.map((_, which) => at(2 * (which * SIZE.value + k))));
  }
}

/** One result of one group. */
export interface Verdict {
  readonly settings: Settings;
  readonly target: number | undefined;
  readonly result: (typeof results)[number];
  /** The fewest bits beyond those of a float32, and their input; null where each result is the nearest float64. */
  readonly bits: number | null;
  readonly at: number;
  /** The same of the scales. */
  readonly scaleBits: number | null;
  readonly count: number;
}

function verdictsOf(
  { name, settings, target, x }: Group,
  exact: readonly Exact[][],
  records: readonly Recorded[][],
): Verdict[] {
  return results.slice(0, isLoss(name) ? results.length : 1).map((result, which) => {
    const bits = x.map((_, k) => {
      const [right, recorded] = [exact[k]?.[which], records[k]?.[which]];
      const scale = right && { nearest: right.scale, above: 0, scale: right.scale };
      const { exact: own, scale: ownScale } = recorded ?? { exact: Number.NaN, scale: Number.NaN };
      return { result: bitsBeyond(own, right), scale: bitsBeyond(ownScale, scale) };
    });
    const least = (what: "result" | "scale") => bits.reduce((fewest, own) => Math.min(fewest, own[what]), Infinity);
    const worst = least("result");
    return {
      settings,
      target,
      result,
      bits: finite(worst),
      at: x[bits.findIndex((own) => own.result === worst)] ?? Number.NaN,
      scaleBits: finite(least("scale")),
      count: x.length,
    };
  });
}

const finite = (bits: number) => (bits === Infinity ? null : bits);

/** Prints and writes how many bits each formula of the oracle has to spare, and returns whether all have enough. */
export async function proveOracle(
  names: readonly Name[],
  { python, threads, out }: { python: string; threads: number; out: string },
): Promise<boolean> {
  compileAll();
  const recorder = new Recorder();
  let within = true;
  for (const name of names) {
    const groups = groupsOf(name);
    const count = groups.reduce((sum, { x }) => sum + x.length, 0);
    const started = performance.now();
    const exact = await withBar(name, count, "float32 points", (onDone) => answers(python, groups, threads, onDone));
    const verdicts = groups.flatMap((group, k) => verdictsOf(group, exact[k] ?? [], recorder.recordsOf(group)));
    print(
      [name, "target", "result", "bits beyond", "at", "of its scale"],
      [name, "result"],
      verdicts.map(({ settings, target, result, bits, at, scaleBits }) => [
        show(settings),
        `${target ?? ""}`,
        result,
        bits?.toFixed(1) ?? "all",
        bits === null ? "" : String(Number(at.toPrecision(9))),
        scaleBits?.toFixed(1) ?? "all",
      ]),
    );
    const beyond = verdicts.filter(
      ({ bits, scaleBits }) => !(Math.min(bits ?? BOUND, scaleBits ?? BOUND) >= BOUND),
    ).length;
    console.log(
      `${name}: ${count} float32 points; the oracle must have ${BOUND} bits more than a float32, ${beyond} results have not.`,
    );
    writeReport(out, `oracle-${name}`, started, { oracle: name, bound: BOUND, verdicts });
    if (beyond > 0) within = false;
  }
  return within;
}
