/** What stands on a chart of the playground, in the data's own coordinates. */
import type { Page } from "playwright-core";

/** A curve as it is drawn, and how many of the data's units a pixel is. */
export interface Drawn {
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly pixel: { readonly x: number; readonly y: number };
}

interface Scale {
  invert(pixel: number): number;
}

/** Plot's charts tell their scales. */
interface Charted extends SVGElement {
  scale(name: "x" | "y"): Scale;
}

/** The curves of a chart, which is of an order, or stands in an element of a class; tangents are none. */
export function drawn(page: Page, panel: string): Promise<readonly Drawn[]> {
  return page.evaluate((wanted) => {
    const chart = document.querySelector<Charted>(`:is([data-order=${wanted}], .${wanted}) .chart svg`);
    if (chart === null) return [];
    const [x, y] = [chart.scale("x"), chart.scale("y")];
    const paths = [...chart.querySelectorAll("[data-mark=line]:not(.tangent) path")];
    const pixel = { x: Math.abs(x.invert(1) - x.invert(0)), y: Math.abs(y.invert(1) - y.invert(0)) };
    return paths.map((path) => {
      const points = [...(path.getAttribute("d") ?? "").matchAll(/[ML](-?[\d.e-]+),(-?[\d.e-]+)/g)];
      return {
        x: points.map(([, at]) => x.invert(Number(at))),
        y: points.map(([, , at]) => y.invert(Number(at))),
        pixel,
      };
    });
  }, panel);
}
