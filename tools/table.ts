/** The README's tables of losses, from the specs. `npm run docs` writes it; a test compares. */
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import * as rowSpecs from "../src/losses/divergence.js";
import * as specs from "../src/losses/index.js";
import * as imageSpecs from "../src/losses/reconstruction.js";
import type { ImageSpec, Parameter, RowSpec, Spec } from "../src/spec.js";

const marks = {
  losses: ["<!-- losses: npm run docs -->", "<!-- end of losses -->"],
  rows: ["<!-- row losses: npm run docs -->", "<!-- end of row losses -->"],
  images: ["<!-- images: npm run docs -->", "<!-- end of images -->"],
} as const;
const order = [
  "mae",
  "mse",
  "rmse",
  "huber",
  "logCosh",
  "charbonnier",
  "bce",
  "bceWithLogits",
  "focal",
  "focalWithLogits",
  "softmaxCrossEntropy",
  "klDivergence",
  "klDivergenceWithLogits",
  "distillation",
  "gaussianKl",
];

function range({ above, from, below, to }: Parameter): string {
  if (above !== undefined) return `> ${above}`;
  if (below !== undefined) return `in [${from}, ${below})`;
  return to === undefined ? `≥ ${from}` : `in [${from}, ${to}]`;
}

function parameters(spec: { readonly parameters: Readonly<Record<string, Parameter>> }): string {
  return Object.entries<Parameter>(spec.parameters)
    .map(([name, rule]) => `\`${name}\` = ${rule.default}, ${range(rule)}${rule.off ? ` or null: ${rule.off}` : ""}`)
    .join("; ");
}

function domain({ predictions, targets, labels }: Pick<Spec, "predictions" | "targets" | "labels">): string {
  const x = predictions ? `x in [${predictions.join(", ")}]` : "";
  const y = targets ? (labels ? `y is ${targets.join(" or ")}` : `y in [${targets.join(", ")}]`) : "";
  return [x, y].filter(Boolean).join(", ");
}

/** A bar inside a cell would end it. */
const cell = (text: string): string => text.replaceAll("|", "\\|");

const byOrder = (a: { name: string }, b: { name: string }): number => order.indexOf(a.name) - order.indexOf(b.name);

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.map(cell).join(" | ")} |`).join("\n");
}

export function table(): string {
  const rows = Object.values(specs)
    .sort(byOrder)
    .map((spec) => [`\`${spec.name}\``, spec.formula, spec.gradient, spec.hessian, parameters(spec), domain(spec)]);
  return tableOf(["loss", "value of one element", "∂/∂x", "∂²/∂x²", "parameters", "domain"], rows);
}

/** A spec without its parameters' names. */
type AnyRowSpec = Omit<RowSpec, "parameters"> & { readonly parameters: Readonly<Record<string, Parameter>> };

function rowOptions(spec: AnyRowSpec): string {
  const labels = spec.labels ? ["`classWeights`", "`ignoreIndex`"] : [];
  return [`\`${spec.length}\``, ...labels, parameters(spec)].filter(Boolean).join("; ");
}

export function rowTable(): string {
  const specs: readonly AnyRowSpec[] = Object.values(rowSpecs).map((spec) => ({
    ...spec,
    parameters: { ...spec.parameters },
  }));
  const rows = [...specs].sort(byOrder).map((spec) => {
    const call = `\`${spec.name}(${spec.arrays.join(", ")})\``;
    return [call, spec.formula, spec.gradient, spec.hessian, rowOptions(spec)];
  });
  return tableOf(["loss of x and y", "value of a row", "∂/∂x", "∂²/∂x²", "options"], rows);
}

type AnyImageSpec = Omit<ImageSpec, "parameters"> & { readonly parameters: Readonly<Record<string, Parameter>> };

export function imageTable(): string {
  const specs: readonly AnyImageSpec[] = Object.values(imageSpecs).map((spec) => ({
    ...spec,
    parameters: { ...spec.parameters },
  }));
  const rows = specs.map((spec) => {
    const options = [...spec.options.map((name) => `\`${name}\``), parameters(spec)].filter(Boolean);
    return [`\`${spec.name}\``, spec.formula, spec.gradient, options.join("; ")];
  });
  return tableOf(["of x and y", "value", "∂/∂x", "options"], rows);
}

/** The README with all tables in their places. */
export function withTables(readme: string): string {
  const tables = [
    [marks.losses, table()],
    [marks.rows, rowTable()],
    [marks.images, imageTable()],
  ] as const;
  return tables.reduce((text, [places, own]) => between(text, places, own), readme);
}

function between(readme: string, [start, end]: readonly [string, string], text: string): string {
  const [before, rest] = readme.split(start);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`README.md must hold "${start}" and "${end}"`);
  return `${before}${start}\n\n${text}\n\n${end}${after}`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  writeFileSync("README.md", withTables(readFileSync("README.md", "utf8")));
  console.log("README.md: the tables of losses are up to date");
}
