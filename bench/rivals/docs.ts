/** docs/speed.md and its charts, from the figures that the last runs left. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type ScaleReport, sizeName } from "../scaleReport.js";
import { rivalChart, scaleChart } from "./chart.js";
import { about, disagreements, type Report, ratios, sizesOf, speeds, type Table } from "./report.js";

const inDocs = (name: string): string => fileURLToPath(new URL(`../../docs/${name}`, import.meta.url));

function reportFrom<R>(file: string, made: string): R {
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8"));
  throw new Error(`${file} is not there: ${made} leaves it`);
}

function tableOf({ head, rows }: Table): string {
  const rule = head.map((_, column) => (column === 0 ? "---" : "--:"));
  return [head, rule, ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

const list = (lines: readonly string[]): string => lines.map((line) => `- ${line}`).join("\n");

function rivalPart(report: Report): string {
  const parts = sizesOf(report).flatMap((size) => [
    `### ${size.includes("×") ? `${size} rows × numbers a row` : `${Number(size).toLocaleString("en")} elements`}`,
    tableOf(speeds(report, size)),
    tableOf(ratios(report, size)),
  ]);
  const notes = [...disagreements(report), ...report.missing];
  return [...parts, ...(notes.length === 0 ? [] : [list(notes)]), `${about(report)}.`].join("\n\n");
}

function scalePart({ date, node, cpu, pieces, left, rows }: ScaleReport): string {
  const { piece, sum, weight, exact, seconds, before, most, now } = pieces;
  const megabytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
  const memory = (["rss", "arrayBuffers"] as const).map((name) => [
    `${name}, MiB`,
    megabytes(before[name]),
    megabytes(most[name]),
    megabytes(now[name]),
  ]);
  const losses = [...new Set(rows.map(({ loss }) => loss))];
  const sizes = [...new Set(rows.map(({ elements }) => elements))];
  const costs = sizes.map((n) => [
    sizeName(n),
    ...losses.map((loss) => {
      const row = rows.find((own) => own.loss === loss && own.elements === n);
      return row === undefined ? "" : row.median.toFixed(3);
    }),
  ]);
  const error = Math.abs(sum - exact) / exact;
  return [
    `\`mse.total\` of ${weight.toLocaleString("en")} elements in pieces of ${piece.toLocaleString("en")}, put together by \`mergeTotals\`, in ${seconds.toFixed(1)} s: the sum is ` +
      `${sum}, exactly it is ${exact}, a relative error of ${error}. Memory after the first piece, at most, and after the last:`,
    tableOf({ head: ["", "first", "most", "last"], rows: memory }),
    "Nanoseconds an element of `valueAndGrad`, the arrays anywhere:",
    tableOf({ head: ["elements", ...losses.map((loss) => `\`${loss}\``)], rows: costs }),
    "![Nanoseconds an element by the number of elements](speed-scale.svg)",
    ...(left.length === 0 ? [] : [list(left)]),
    `${date}, Node ${node}, ${cpu}, one thread.`,
  ].join("\n\n");
}

export async function writeDocs(rivalFigures: string, scaleFigures: string): Promise<void> {
  const rivals = reportFrom<Report>(rivalFigures, "npm run bench:rivals");
  const scale = reportFrom<ScaleReport>(scaleFigures, "npm run bench:scale");
  writeFileSync(inDocs("speed.svg"), await rivalChart(rivals));
  writeFileSync(inDocs("speed-scale.svg"), await scaleChart(scale));
  writeFileSync(
    inDocs("speed.md"),
    `# Speed

Written by \`npm run bench:rivals -- --docs\` from what the two commands below left. Ratios between the columns of one run are what counts; absolute figures move from machine to machine.

## Rivals

\`npm run bench:rivals\`: value and gradient of the mean, Float32Array, default parameters (\`distillation\` at temperature 2), seeded inputs, one thread each but for the column of two. Everyone takes
turns, nine that count; a figure is their median, with half of the quartiles' distance from each other. Before that, each one's value and gradient are compared with ours. Ours must be the
same bits everywhere; a gradient may be off by 5e-5 of its largest entry, a value by 1e-6, of TensorFlow.js wasm and jax-js, which add f32 losses one after the other, by 5e-5 + n · 2⁻²⁹. What
differs more is marked ≠ and listed. Where \`klDivergence\` bounds a prediction, gradients are not compared: ours is that at the bound, others' is 0.

- **simdloss**: \`valueAndGrad\` with \`out\` on ordinary arrays; **in Arena**: on arrays of one \`Arena\`; **2 threads**: by a pool of \`simdloss/parallel\`, on SharedArrayBuffers.
- **plain loop**: TypeScript, \`bench/naive.ts\` and \`bench/rows.ts\`.
- **TF.js**: TensorFlow.js by its wasm and cpu backends, in Node one thread: \`tf.valueAndGrads\` of \`tf.losses\` where there is one, else of the operations that its users write. Input tensors are made
  before, labels one-hot; the value and the gradient are read by \`dataSync\`, every tensor is disposed of.
- **jax-js**: by its wasm backend, in Node one thread: \`jit(valueAndGrad(…))\` of its operations, as it has no losses; inputs and results as above.
- **PyTorch**: on the CPU, \`torch.set_num_threads(1)\`, eager: \`torch.nn.functional\` where it has the loss, else operations, and \`backward()\`; glibc's malloc is
  told to keep what is freed, by which it is twice as fast with 4 Mi elements.
- **C**: the same fused loops in C on libmvec's functions, \`-O3 -ffast-math\`, with \`-msse4.1\` and with \`-march=native\` (\`bench/native\`).

The first table of each size has million elements a second, the second how many times as fast as each rival simdloss is: on ordinary arrays / in an Arena,
and two threads as one.

![The speeds of simdloss and its rivals](speed.svg)

${rivalPart(rivals)}

## Scale

\`npm run bench:scale\`:

${scalePart(scale)}
`,
  );
  console.log("docs/speed.md and its charts are up to date with the figures");
}
