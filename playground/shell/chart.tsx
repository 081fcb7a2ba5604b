/** A chart of Observable Plot, as wide as the room that it is given. */
import { type PlotOptions, plot } from "@observablehq/plot";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

interface ChartProps {
  /** What it shows, for those who do not see it. */
  readonly label: string;
  readonly height: number;
  /** For a width in pixels; called each time that the page is drawn. */
  readonly draw: (width: number) => PlotOptions;
  /** The pointer is on it, at these coordinates of the data. */
  readonly onPoint?: (x: number, y: number) => void;
}

type Drawn = ReturnType<typeof plot>;

export function Chart({ label, height, draw, onPoint }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const drawn = useRef<Drawn>(undefined);
  const [width, setWidth] = useState(0);

  useLayoutEffect(() => {
    const element = place.current;
    if (element === null) return;
    const watch = new ResizeObserver(() => setWidth(Math.floor(element.clientWidth)));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);

  useLayoutEffect(() => {
    if (width === 0) return;
    const chart = plot({ ...draw(width), width, height });
    // Plot names its groups for screen readers, which may not be named within an image.
    for (const group of chart.querySelectorAll("[aria-label]")) {
      group.setAttribute("data-mark", group.getAttribute("aria-label") ?? "");
      group.removeAttribute("aria-label");
    }
    chart.setAttribute("role", "img");
    chart.setAttribute("aria-label", label);
    drawn.current = chart;
    place.current?.replaceChildren(chart);
  });

  const point = ({ clientX, clientY }: PointerEvent): void => {
    const chart = drawn.current;
    const box = chart?.getBoundingClientRect();
    const x = chart?.scale("x")?.invert;
    const y = chart?.scale("y")?.invert;
    if (box === undefined || x === undefined || y === undefined) return;
    onPoint?.(Number(x(clientX - box.left)), Number(y(clientY - box.top)));
  };
  return (
    <div
      class="chart"
      ref={place}
      style={{ height: `${height}px` }}
      onPointerMove={onPoint && point}
      onPointerDown={onPoint && point}
    />
  );
}

/** Which colour is which, where curves lie too close for names of their own. */
export function Legend({ entries }: { readonly entries: readonly (readonly [name: string, stroke: string])[] }) {
  return (
    <ul class="legend">
      {entries.map(([name, stroke]) => (
        <li key={name}>
          <svg width="18" height="4" aria-hidden="true">
            <rect width="18" height="4" rx="2" fill={stroke} />
          </svg>
          {name}
        </li>
      ))}
    </ul>
  );
}
