/** docs/accuracy.md, from the figures that the last runs left. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Point, RivalVerdict } from "../../bench/rivals/accuracy.js";
import { functionNames, lossNames, type Name, results } from "./cases.js";
import type { Verdict as DoubleVerdict } from "./double.js";
import { largest } from "./every.js";
import { type RowVerdict, rowOutputs } from "./rows.js";
import type { Verdict } from "./scan.js";
import type { SumVerdict } from "./sums.js";
import { share, show } from "./table.js";

/** What every report says of itself. */
interface Report {
  readonly name: string;
  readonly date: string;
  readonly node: string;
  readonly cpu: string;
}

interface EveryReport extends Report {
  readonly stride: number;
  readonly bound: number;
  readonly verdicts: readonly Verdict[];
}

function reportFrom<R extends Report>(folder: string, name: string, made: string): R {
  const file = `${folder}/${name}.json`;
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8"));
  throw new Error(`${name}.json is not in ${folder}: npm run accuracy -- ${made} leaves it there`);
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[], text = 1): string {
  const rule = head.map((_, column) => (column < text ? "---" : "--:"));
  return [head, rule, ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

function when(reports: readonly Report[]): string {
  const machines = new Set(reports.map(({ date, node, cpu }) => `${date}, Node ${node}, ${cpu}`));
  return [...machines].join("; ");
}

function everyPart(folder: string, names: readonly Name[]): string {
  const reports = names.map((name) => ({ ...reportFrom<EveryReport>(folder, name, `--loss ${name}`), name }));
  const rows = reports.flatMap(({ name, stride, verdicts }) =>
    verdicts.map((verdict) => [
      `\`${name}\``,
      show(verdict.settings),
      `${verdict.target ?? ""}`,
      verdict.result,
      ...largest(verdict),
      ...[verdict.half, verdict.one, verdict.two].map((part) => share(part, verdict.count)),
      stride === 1 ? "every one" : `one in ${stride}`,
    ]),
  );
  const head = ["", "parameters", "target", "result", "max ULP", "at", "> ½ ULP", "> 1 ULP", "> 2 ULP", "float32s"];
  return `${tableOf(head, rows, 4)}\n\n${when(reports)}.`;
}

interface DoubleReport extends Report {
  readonly bound: number;
  readonly verdicts: readonly DoubleVerdict[];
}

/** Of all settings with one kind of target the worst. */
function doublePart(folder: string): string {
  const reports = lossNames.map((name) => ({
    ...reportFrom<DoubleReport>(folder, `double-${name}`, `--double --loss ${name}`),
    name,
  }));
  const rows = reports.flatMap(({ name, bound, verdicts }) => {
    const kinds = [...new Set(verdicts.map(({ targets }) => targets))];
    return kinds.flatMap((kind) =>
      results.map((result) => {
        const own = verdicts.filter((verdict) => verdict.targets === kind && verdict.result === result);
        const [first, ...others] = own;
        if (first === undefined) throw new Error(`${name} has no ${result} for targets ${kind}`);
        const most = others.reduce((worst, other) => (other.worst > worst.worst ? other : worst), first);
        const [x, y] = most.at;
        const count = own.reduce((sum, verdict) => sum + verdict.count, 0);
        const above = (part: "half" | "one" | "two" | "four"): string =>
          share(
            own.reduce((sum, verdict) => sum + verdict[part], 0),
            count,
          );
        return [
          `\`${name}\``,
          kind,
          result,
          finite(most.worst)?.toFixed(3) ?? "no number",
          most.worst === 0 ? "" : kind === "soft" || kind === "not 0" ? `${x}, ${y}` : `${x}`,
          most.worst === 0 ? "" : show(most.settings),
          above("half"),
          above("one"),
          above("two"),
          above("four"),
          `${count}`,
          `${bound}`,
        ];
      }),
    );
  });
  const shares = ["> ½ ULP", "> 1 ULP", "> 2 ULP", "> 4 ULP"];
  const head = ["", "target", "result", "max ULP", "at", "with", ...shares, "points", "bound"];
  return `${tableOf(head, rows, 3)}\n\n${when(reports)}.`;
}

interface RowReport extends Report {
  readonly verdicts: readonly RowVerdict[];
}

function rowPart(folder: string): string {
  const report = reportFrom<RowReport>(folder, "rows", "--rows");
  const narrow = report.verdicts.filter(({ type }) => type === "float32");
  const rows = narrow.map((verdict) => {
    const { loss, category } = verdict;
    const wide = report.verdicts.find(
      (other) => other.type === "float64" && other.loss === loss && other.category === category,
    );
    const errors = [verdict, wide].flatMap((own) => rowOutputs.map((output) => own?.[output].toExponential(1) ?? ""));
    return [`\`${loss}\``, category, `${verdict.rows}`, ...errors];
  });
  const outputs = ["value", "grad", "hess"];
  const head = [
    "",
    "rows",
    "of each type",
    ...outputs.map((name) => `f32 ${name}`),
    ...outputs.map((name) => `f64 ${name}`),
  ];
  return `${tableOf(head, rows, 2)}\n\n${when([report])}.`;
}

interface SumReport extends Report {
  readonly verdicts: readonly SumVerdict[];
}

function sumPart(folder: string): string {
  const report = reportFrom<SumReport>(folder, "sums", "--sums");
  const names = [...new Set(report.verdicts.map(({ loss }) => loss))];
  const rows = names.map((name) => {
    const own = report.verdicts.filter(({ loss }) => loss === name);
    const most = (type: string): string => {
      const errors = own.filter((verdict) => verdict.type === type).flatMap(({ sum, mean }) => [sum, mean]);
      return Math.max(...errors).toExponential(1);
    };
    return [`\`${name}\``, most("float32"), most("float64")];
  });
  return `${tableOf(["", "f32", "f64"], rows)}\n\n${when([report])}.`;
}

interface RivalReport extends Report {
  readonly stride: number;
  readonly verdicts: readonly RivalVerdict[];
  readonly points: readonly Point[];
}

function size(verdict: Verdict): string {
  const worst = finite(verdict.worst);
  if (worst === undefined) return "no number";
  return worst < 1000 ? largest(verdict)[0] : worst.toExponential(1);
}

/** An error that is infinite is text in JSON. */
function finite(error: unknown): number | undefined {
  return typeof error === "number" ? error : undefined;
}

function rivalPart(folder: string): string {
  const report = reportFrom<RivalReport>(folder, "rivals", "--rivals");
  const telling = report.verdicts.filter(({ predictions }) => predictions !== "finite");
  const rows = telling.map((verdict) => {
    const { loss, rival, formula, after, predictions, target, result, missing, one, thousand, count } = verdict;
    const name = formula === loss ? "" : after === null ? `\`${formula}\`` : `\`${formula}\` (${after})`;
    const figures = missing === null ? [size(verdict), share(one, count), share(thousand, count)] : ["none", "", ""];
    return [`\`${loss}\``, rival, name, predictions, `${target ?? ""}`, result, ...figures];
  });
  const head = ["", "", "formula", "\\|x\\|", "target", "result", "max ULP", "> 1 ULP", "> 1000 ULP"];
  const versions = [...new Set(report.verdicts.map(({ rival, version }) => `${rival} ${version}`.trim()))].join(", ");
  const note = `${versions}; every ${report.stride}th float32 and every boundary; ${when([report])}.`;
  return [
    tableOf(head, rows, 3),
    note,
    "Some results side by side:",
    ...lossNames.map((loss) => pointTable(report, loss)),
  ]
    .filter(Boolean)
    .join("\n\n");
}

function pointTable({ points }: RivalReport, loss: string): string {
  const own = points.filter((point) => point.loss === loss);
  const [first] = own;
  if (first === undefined) return "";
  const names = first.found.map(({ rival, formula }) => (formula === loss ? rival : `${rival} \`${formula}\``));
  const rows = own.map(({ prediction, target, result, exact, found }) => [
    `${prediction}`,
    `${target}`,
    result,
    exact.toPrecision(7),
    ...found.map((answer) => answer.result ?? "none"),
  ]);
  return tableOf([`\`${loss}\` at`, "target", "result", "exact", ...names], rows, 0);
}

const target = fileURLToPath(new URL("../../docs/accuracy.md", import.meta.url));

/** Writes docs/accuracy.md from the reports in `folder`. */
export function writeDocs(folder: string): void {
  writeFileSync(
    target,
    `# Accuracy

Written by \`npm run accuracy -- --docs\` from what the commands below left. Errors are in ULPs, units in the last place of the exact result: ½ is as near as
a number can be. The oracle is a derivation of its own, in double precision by other exponentials and logarithms (\`test/accuracy/oracle\`), which is itself held against mpmath
by \`npm run accuracy -- --oracle\`: 24 bits of a float32 and 10 more at least.

## Losses of elements, float32

\`npm run accuracy\`: predictions are all the float32s there are, infinite ones and NaNs too, or all in [0, 1]. Where a soft or smoothed label, or focal's second derivative, makes a
difference of terms, the units are those of the largest. The bound is 2 ULP, of the focal losses 4. \`rmse\` is a mean: see the sums.

${everyPart(folder, lossNames)}

## Vector functions, float32

What the kernels are made of (\`assembly/math.ts\`), over all float32s of their ranges.

${everyPart(folder, functionNames)}

## Losses of elements, float64

\`npm run accuracy -- --double\`: points of every exponent, around every boundary and in between, against mpmath; of all settings the worst.

${doublePart(folder)}

## Losses of rows

\`npm run accuracy -- --rows\`: the largest relative errors by kind of row, against decimal.js; where terms cancel, of the larger term, as the README says. The bounds are
1e-6 and 1e-14.

${rowPart(folder)}

## Sums

\`npm run accuracy -- --sums\`: sums and means of ten million losses of mixed magnitudes, weighted and not, against exact sums of the same losses: the largest error
relative to Σ|ℓ|. The bounds are 1e-7 and 1e-15.

${sumPart(folder)}

## PyTorch and TensorFlow.js

\`npm run accuracy -- --rivals\`: the same measure, at the same predictions, for losses that these libraries have, or that their users write as the formula says. Predictions are between
1e-4 and 100 in size; half of all float32s are far beyond and tell little. Left out is where a derivative jumps, and of probabilities what is nearer than 1e-6 to 0 and 1, as each library
bounds them in its own way; TensorFlow.js adds 1e-7 to them. With an error above 1000 ULP fewer than four digits are right.

${rivalPart(folder)}
`,
  );
  console.log("docs/accuracy.md is up to date with the figures");
}
