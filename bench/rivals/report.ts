/** The figures of one run, and their tables. */
import { quantile } from "./task.js";

export interface Row {
  readonly loss: string;
  readonly size: string;
  readonly elements: number;
  readonly contestant: string;
  /** A call, by rounds. */
  readonly nanoseconds: { readonly low: number; readonly median: number; readonly high: number };
  /** Relative differences from simdloss, staged. */
  readonly deviation: { readonly value: number; readonly grad: number };
  readonly agrees: boolean;
}

export interface Report {
  readonly date: string;
  readonly node: string;
  readonly cpu: string;
  readonly contestants: readonly { readonly name: string; readonly version: string }[];
  /** What is not there, or failed, and why. */
  readonly missing: readonly string[];
  readonly rows: readonly Row[];
}

export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export const sizesOf = ({ rows }: Report): string[] => [...new Set(rows.map(({ size }) => size))];

const lossesOf = (rows: readonly Row[]): string[] => [...new Set(rows.map(({ loss }) => loss))];

function namesOf({ contestants }: Report, rows: readonly Row[]): string[] {
  return contestants.map(({ name }) => name).filter((name) => rows.some(({ contestant }) => contestant === name));
}

function geometricMean(numbers: readonly number[]): number {
  return Math.exp(numbers.reduce((sum, x) => sum + Math.log(x), 0) / numbers.length);
}

/** Two digits, or the whole number. */
function short(x: number): string {
  if (Number.isNaN(x)) return "–";
  return x < 10 ? x.toPrecision(2) : x.toFixed(0);
}

/** Million elements a second, and half the distance of the quartiles from each other. */
export function speeds(report: Report, size: string): Table {
  const own = report.rows.filter((row) => row.size === size);
  const names = namesOf(report, own);
  const rows = lossesOf(own).map((loss) => [
    loss,
    ...names.map((name) => {
      const row = own.find((row) => row.loss === loss && row.contestant === name);
      if (row === undefined) return "–";
      const { low, median, high } = row.nanoseconds;
      const spread = (50 * (high - low)) / median;
      return `${row.agrees ? "" : "≠ "}${short(millions(row))} ±${spread.toFixed(0)}%`;
    }),
  ]);
  return { head: [size, ...names], rows };
}

/** Elements a second. */
export const millions = ({ elements, nanoseconds }: Row): number => (1000 * elements) / nanoseconds.median;

/** How many times as fast as each rival simdloss is, staged / in an Arena, and two threads as one; their geometric means, and the least ones. */
export function ratios(report: Report, size: string): Table {
  const own = report.rows.filter((row) => row.size === size);
  const names = namesOf(report, own);
  const ours = ["simdloss", "in Arena"].filter((name) => names.includes(name));
  const pairs = names.flatMap((name) => {
    if (ours.includes(name)) return [];
    return name === "2 threads" ? [{ name, fast: [name], slow: "simdloss" }] : [{ name, fast: ours, slow: name }];
  });
  const ratio = (loss: string, fast: string, slow: string): number => {
    const of = (who: string) => own.find((row) => row.loss === loss && row.contestant === who)?.nanoseconds.median;
    return (of(slow) ?? Number.NaN) / (of(fast) ?? Number.NaN);
  };
  const row = (name: string, of: (fast: string, slow: string) => number): string[] => [
    name,
    ...pairs.map(({ fast, slow }) => fast.map((who) => short(of(who, slow))).join(" / ")),
  ];
  const losses = lossesOf(own);
  const summary = (name: string, of: (numbers: readonly number[]) => number): string[] =>
    row(name, (fast, slow) => of(losses.map((loss) => ratio(loss, fast, slow)).filter((x) => !Number.isNaN(x))));
  return {
    head: [`${size}: times`, ...pairs.map(({ name }) => name)],
    rows: [
      ...losses.map((loss) => row(loss, (fast, slow) => ratio(loss, fast, slow))),
      summary("geometric mean", geometricMean),
      summary("least", (numbers) => quantile(numbers, 0)),
    ],
  };
}

export function about({ date, node, cpu, contestants }: Report): string {
  const versions = contestants.filter(({ version }) => version).map(({ name, version }) => `${name} ${version}`);
  return `${date}, Node ${node}, ${cpu}; ${versions.join(", ")}`;
}

/** Results that are not ours. */
export function disagreements({ rows }: Report): string[] {
  return rows
    .filter(({ agrees }) => !agrees)
    .map(
      ({ contestant, loss, size, deviation: { value, grad } }) =>
        `${contestant} disagrees about ${loss} of ${size}: its value is off by ${value.toExponential(1)}, its gradient by ${grad.toExponential(1)}`,
    );
}
