/** Value, gradient and second derivative, a chart each over the same x. */

import formulas from "virtual:formulas";
import * as Plot from "@observablehq/plot";
import { Chart } from "../shell/chart.js";
import { shown } from "../shell/controls.js";
import { limits, type Order, orders, type Shown } from "./curves.js";

interface ChartsProps {
  readonly curves: readonly Shown[];
  /** Of each curve, its heights at x. */
  readonly at: readonly Readonly<Record<Order, number>>[];
  readonly x: number;
  readonly onX: (x: number) => void;
}

export const titles = { value: "Value", grad: "Gradient", hess: "Second derivative" } as const;
/** What the tangent's slope is. */
const next = { value: "grad", grad: "hess", hess: undefined } as const;
const colours = ["var(--one)", "var(--two)"];

export function Charts({ curves, at, x, onX }: ChartsProps) {
  const [first] = curves;
  if (first === undefined) return null;
  const { from, to } = first.section;
  return (
    <div class="three charts">
      {orders.map((order) => {
        const drawn = curves.flatMap((curve, place) => {
          const heights = curve.heights[order];
          return heights === undefined ? [] : [{ curve, place, heights: finite(heights) }];
        });
        const label = drawn.map(
          ({ curve, place }) => `${curve.section.name} ${shown(at[place]?.[order] ?? Number.NaN)}`,
        );
        return (
          <section key={order} class="panel" data-order={order}>
            <h2>{titles[order]}</h2>
            <div class="formulas">
              {curves.map(({ section: { name } }, place) => (
                <Formula
                  key={name}
                  clauses={formulas[name]?.[order] ?? []}
                  place={curves.length > 1 ? place : undefined}
                />
              ))}
            </div>
            {drawn.length === 0 ? (
              <p class="faint">This one has none.</p>
            ) : (
              <Chart
                label={`${titles[order]} over x from ${from} to ${to}; at x = ${shown(x)}: ${label.join(", ")}`}
                height={300}
                onPoint={onX}
                draw={() => ({
                  marginLeft: 52,
                  marginBottom: 34,
                  marginTop: 12,
                  style: { fontSize: "12px" },
                  x: { domain: [from, to], label: "x", tickSpacing: 45 },
                  y: {
                    domain: [...limits(drawn.map(({ heights }) => heights))],
                    label: null,
                    grid: true,
                    ticks: 6,
                    tickFormat: "~g",
                  },
                  marks: [
                    Plot.ruleY([0], { stroke: "var(--line)", clip: true }),
                    ...drawn.map(({ curve, place, heights }) =>
                      Plot.line(heights, {
                        x: curve.x,
                        y: heights,
                        stroke: colours[place] ?? "",
                        strokeWidth: 2,
                        ...(place > 0 && { strokeDasharray: "6 3" }),
                        clip: true,
                      }),
                    ),
                    ...drawn.flatMap(({ place }) => here(at[place], order, x, to - from, colours[place] ?? "")),
                  ],
                })}
              />
            )}
          </section>
        );
      })}
    </div>
  );
}

/** The markup is KaTeX', made when the site was built; the loss's colour where there are two. */
function Formula({ clauses, place }: { readonly clauses: readonly string[]; readonly place: number | undefined }) {
  return (
    <p class="formula" style={place === undefined ? {} : { color: colours[place] }}>
      {clauses.map((markup) => (
        <span key={markup} dangerouslySetInnerHTML={{ __html: markup }} />
      ))}
    </p>
  );
}

/** Plot leaves a gap at what is no number; an infinite height would have no place either. */
function finite(heights: ArrayLike<number>): Float64Array {
  return Float64Array.from(heights, (height) => (Number.isFinite(height) ? height : Number.NaN));
}

/** The point at x, and a piece of the tangent. */
function here(
  at: ChartsProps["at"][number] | undefined,
  order: Order,
  x: number,
  width: number,
  stroke: string,
): Plot.Markish[] {
  const height = at?.[order] ?? Number.NaN;
  if (!Number.isFinite(height)) return [];
  const of = next[order];
  const slope = of === undefined ? Number.NaN : (at?.[of] ?? Number.NaN);
  const reach = width / 6;
  const ends = [x - reach, x + reach].map((end) => ({ x: end, y: height + slope * (end - x) }));
  return [
    Plot.ruleX([x], { stroke: "var(--faint)", strokeDasharray: "2 3" }),
    Plot.line(Number.isFinite(slope) ? ends : [], {
      x: "x",
      y: "y",
      stroke: "var(--ink)",
      strokeWidth: 1.25,
      clip: true,
      className: "tangent",
    }),
    Plot.dot([{ x, y: height }], { x: "x", y: "y", r: 4.5, fill: stroke, stroke: "var(--panel)", clip: true }),
  ];
}
