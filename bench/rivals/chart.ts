/** The charts: of rivals, each loss a line and on it everyone's speed; of scale, what an element costs by the number of them. */
import { type ScaleReport, sizeName } from "../scaleReport.js";
import { draw } from "./installed/draw.js";
import { millions, type Report, type Row, sizesOf } from "./report.js";

/** Filled what is ours. Colours that are clear on white and on black. */
const looks = [
  { name: "simdloss", label: "simdloss", color: "#f08c00", shape: "circle", filled: true },
  { name: "in Arena", label: "simdloss, in an Arena", color: "#e8590c", shape: "diamond", filled: true },
  { name: "2 threads", label: "simdloss, 2 threads", color: "#e03131", shape: "square", filled: true },
  { name: "C native", label: "C, -march=native", color: "#12a17f", shape: "triangle-right", filled: false },
  { name: "C sse4.1", label: "C, -msse4.1", color: "#12a17f", shape: "triangle-left", filled: false },
  { name: "PyTorch", label: "PyTorch", color: "#8f6bf2", shape: "circle", filled: false },
  { name: "plain loop", label: "plain loop", color: "#868e96", shape: "cross", filled: false },
  { name: "jax-js", label: "jax-js", color: "#e0559a", shape: "triangle-up", filled: false },
  { name: "TF.js wasm", label: "TensorFlow.js wasm", color: "#3392e6", shape: "diamond", filled: false },
  { name: "TF.js cpu", label: "TensorFlow.js cpu", color: "#3392e6", shape: "square", filled: false },
] as const;

type Look = (typeof looks)[number];

const legend = {
  title: null,
  orient: "top",
  columns: 3,
  columnPadding: 24,
  symbolStrokeWidth: 1.8,
  labelLimit: 0,
  offset: 12,
};

const ticks = [0.1, 1, 10, 100, 1000, 10000].flatMap((decade) => [decade, 2 * decade, 5 * decade]);

function panel(rows: readonly Row[], title: string, shown: readonly Look[], last: boolean): object {
  // Ours come last, and so above the others.
  const values = shown
    .toReversed()
    .flatMap(({ name, label }) =>
      rows
        .filter(({ contestant }) => contestant === name)
        .map((row) => ({ loss: row.loss, contestant: label, speed: millions(row) })),
    );
  const losses = [...new Set(rows.map(({ loss }) => loss))];
  const by = (range: (look: Look) => string) => ({
    field: "contestant",
    type: "nominal",
    scale: { domain: shown.map(({ label }) => label), range: shown.map(range) },
    legend,
  });
  return {
    title,
    width: 640,
    height: { step: 24 },
    data: { values },
    mark: { type: "point", size: 90, strokeWidth: 1.8, opacity: 1 },
    encoding: {
      x: {
        field: "speed",
        type: "quantitative",
        scale: { type: "log", nice: false, padding: 12 },
        axis: { title: last ? "million elements a second, value and gradient" : null, format: ",~g", values: ticks },
      },
      y: {
        field: "loss",
        type: "nominal",
        sort: losses,
        axis: { title: null, grid: true, domain: false, ticks: false, labelPadding: 8, labelLimit: 0 },
      },
      stroke: by(({ color }) => color),
      fill: by(({ color, filled }) => (filled ? color : "transparent")),
      shape: by(({ shape }) => shape),
    },
  };
}

/** Of the middle one of the sizes, and the middle one of the shapes. */
export async function rivalChart(report: Report): Promise<string> {
  const there = new Set(report.contestants.map(({ name }) => name));
  const shown = looks.filter(({ name }) => there.has(name));
  const isShape = (size: string): boolean => size.includes("×");
  const all = sizesOf(report);
  const chosen = [all.filter((size) => !isShape(size)), all.filter(isShape)].flatMap((sizes) =>
    sizes.slice((sizes.length - 1) / 2, (sizes.length + 1) / 2),
  );
  const panels = chosen.map((size, k) => {
    const rows = report.rows.filter((row) => row.size === size);
    const title = isShape(size) ? `${size} rows × numbers a row` : `${Number(size).toLocaleString("en")} elements`;
    return panel(rows, title, shown, k === chosen.length - 1);
  });
  return draw({ vconcat: panels, resolve: { scale: { x: "shared" } }, spacing: 24 });
}

export async function scaleChart({ rows }: ScaleReport): Promise<string> {
  const values = rows.map((row) => ({ ...row, size: sizeName(row.elements) }));
  const x = { field: "size", type: "ordinal", sort: null, axis: { title: "elements", labelAngle: 0, grid: true } };
  const color = {
    field: "loss",
    type: "nominal",
    sort: null,
    scale: { range: ["#3392e6", "#f08c00"] },
    legend: { title: null, orient: "top", offset: 12 },
  };
  return draw({
    width: 640,
    height: 220,
    data: { values },
    encoding: { x, color },
    layer: [
      {
        mark: { type: "line", point: true, strokeWidth: 2 },
        encoding: {
          y: {
            field: "median",
            type: "quantitative",
            axis: { title: "ns an element, value and gradient", tickCount: 5 },
          },
        },
      },
      {
        mark: { type: "rule", opacity: 0.5 },
        encoding: { y: { field: "low", type: "quantitative" }, y2: { field: "high" } },
      },
    ],
  });
}
