/** Charts by Vega-Lite, as SVG that suits light and dark pages. */
import { parse, View } from "vega";
import { compile } from "vega-lite";

/** The page's, not the chart's: what is drawn in currentColor follows it. */
const style = `<style>svg{color:#1f2328;background:#fff}@media(prefers-color-scheme:dark){svg{color:#e6edf3;background:#0d1117}}</style>`;

const font = "system-ui, -apple-system, 'Segoe UI', sans-serif";
const quiet = { gridColor: "currentColor", gridOpacity: 0.15, domainOpacity: 0.4, tickOpacity: 0.4 };

const config = {
  font,
  background: null,
  aria: false,
  padding: 16,
  view: { stroke: null },
  title: { color: "currentColor", anchor: "start", frame: "group", fontSize: 13, offset: 10 },
  axis: {
    ...quiet,
    labelColor: "currentColor",
    titleColor: "currentColor",
    domainColor: "currentColor",
    tickColor: "currentColor",
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: "normal",
  },
  legend: { labelColor: "currentColor", titleColor: "currentColor", labelFontSize: 12, symbolSize: 90 },
};

/** Of a Vega-Lite specification without a config. */
export async function draw(spec: object): Promise<string> {
  const view = new View(parse(compile({ ...spec, config }).spec), { renderer: "none" });
  const svg = await view.toSVG();
  view.finalize();
  return `${svg.replace(">", `>${style}`)}\n`;
}
