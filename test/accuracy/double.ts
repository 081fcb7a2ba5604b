/** The losses of Float64Arrays against exact results, at points of every kind. */
import type { Loss as AnyLoss } from "../../src/types.js";
import { cases, type Loss, results, type Settings } from "./cases.js";
import { answers, type Exact, type Question, ulps } from "./exact.js";
import { differences, float64, kindOf, type Pairs, parametersOf, predictionsOf, softened, specs } from "./points.js";
import { writeReport } from "./report.js";
import { print, share, show, withBar } from "./table.js";

/** Beside those of cases.ts: what only a float64 can be, parameters together, and other ways to a power. */
const more: Readonly<Partial<Record<Loss, readonly Settings[]>>> = {
  huber: [{ delta: 1e-200 }, { delta: 1e200 }],
  charbonnier: [1e-30, 1e-200, 2 ** -766, 2 ** -1000, 2 ** 501, 1e200].map((epsilon) => ({ epsilon })),
  bce: [{ epsilon: 1e-200 }],
  bceWithLogits: [{ posWeight: 2.5, labelSmoothing: 0.2 }],
  focal: [
    { epsilon: 0 },
    { gamma: 1, epsilon: 1e-200 },
    { alpha: null, gamma: 0 },
    { gamma: 3 },
    { alpha: 0.6, gamma: 1.5 },
  ],
  focalWithLogits: [{ gamma: 1 }, { alpha: null, gamma: 0 }, { gamma: 3 }, { alpha: 0.6, gamma: 1.5 }],
};

/** ULPs. */
export function boundOf(loss: Loss): number {
  return loss === "focal" || loss === "focalWithLogits" ? 8 : 4;
}

/** Points with one setting and one kind of target. */
export interface Group extends Question {
  readonly name: Loss;
  readonly settings: Settings;
  readonly targets: "0" | "1" | "soft" | "not 0";
}

export function groupsOf(loss: Loss): Group[] {
  const kind = kindOf(specs[loss]);
  return [...cases[loss].settings, ...(more[loss] ?? [])].flatMap((settings) => {
    const parameters = parametersOf(loss, settings, float64);
    const group = (targets: Group["targets"], pairs: Pairs): Group => {
      return { name: loss, settings, parameters, targets, ...pairs };
    };
    const all = predictionsOf(loss, parameters, float64);
    // At 0 and 1 themselves, focal's derivatives are limits.
    const x = loss === "focal" && parameters.epsilon === 0 ? all.filter((p) => p > 0 && p < 1) : all;
    const zero = group("0", { x, y: x.map(() => 0) });
    if (kind === "residual") return [zero, group("not 0", differences(loss, parameters))];
    const hard = [zero, group("1", { x, y: x.map(() => 1) })];
    return specs[loss].labels ? hard : [...hard, group("soft", softened(loss, parameters, x))];
  });
}

/** One result of one group. */
export interface Verdict {
  readonly settings: Settings;
  readonly targets: Group["targets"];
  readonly result: (typeof results)[number];
  /** The largest error in ULPs, and its prediction and target; as JSON null where it is infinite. */
  readonly worst: number;
  readonly at: readonly [x: number, y: number];
  /** How many errors are above ½, 1, 2 and 4 ULP, of how many. */
  readonly half: number;
  readonly one: number;
  readonly two: number;
  readonly four: number;
  readonly count: number;
}

export type Losses = Readonly<Record<Loss, AnyLoss>>;
type Results = Readonly<Record<(typeof results)[number], Float64Array>>;

function resultsOf(losses: Losses, { name, settings, x, y }: Group): Results {
  const n = x.length;
  const out = { value: new Float64Array(n), grad: new Float64Array(n), hess: new Float64Array(n) };
  losses[name].valueGradHess(Float64Array.from(x), Float64Array.from(y), { ...settings, reduction: "none", out });
  return out;
}

export function verdictsOf(
  { settings, targets, x, y }: Group,
  exact: readonly (readonly Exact[])[],
  got: Results,
): Verdict[] {
  return results.map((result, which) => {
    const errors = x.map((_, k) => ulps(got[result][k] ?? Number.NaN, exact[k]?.[which]));
    const above = (least: number) => errors.filter((error) => error > least).length;
    const worst = errors.reduce((most, error) => Math.max(most, error), 0);
    const k = errors.indexOf(worst);
    return {
      settings,
      targets,
      result,
      worst,
      at: [x[k] ?? Number.NaN, y[k] ?? Number.NaN],
      half: above(0.5),
      one: above(1),
      two: above(2),
      four: above(4),
      count: errors.length,
    };
  });
}

/** Prints and writes how far each loss is from exact results, and returns whether all are within their bounds. */
export async function proveDoubles(
  losses: Losses,
  names: readonly Loss[],
  { python, threads, out }: { python: string; threads: number; out: string },
): Promise<boolean> {
  let within = true;
  for (const loss of names) {
    const groups = groupsOf(loss);
    const count = groups.reduce((sum, { x }) => sum + x.length, 0);
    const started = performance.now();
    const exact = await withBar(loss, count, "float64 points", (onDone) => answers(python, groups, threads, onDone));
    const verdicts = groups.flatMap((group, k) => verdictsOf(group, exact[k] ?? [], resultsOf(losses, group)));
    print(
      [loss, "target", "result", "max ULP", "at", "> ½ ULP", "> 1 ULP", "> 2 ULP", "> 4 ULP"],
      [loss, "result"],
      verdicts.map((verdict) => {
        const { settings, targets, result, worst, at, half, one, two, four, count } = verdict;
        const place = worst === 0 ? "" : targets === "0" || targets === "1" ? `${at[0]}` : at.join("; ");
        const shares = [half, one, two, four].map((part) => share(part, count));
        return [show(settings), targets, result, worst.toFixed(3), place, ...shares];
      }),
    );
    const bound = boundOf(loss);
    const beyond = verdicts.filter(({ worst }) => !(worst <= bound)).length;
    console.log(`${loss}: ${count} float64 points; ${beyond} results are beyond the bound of ${bound} ULP.`);
    writeReport(out, `double-${loss}`, started, { loss, bound, verdicts });
    if (beyond > 0) within = false;
  }
  return within;
}
