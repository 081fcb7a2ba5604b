/** The points, to be taken hold of by pointer or keyboard, over a chart with fixed margins. */
import { useRef, useState } from "preact/hooks";
import { type Point, window } from "./points.js";

export const margins = { marginTop: 28, marginRight: 14, marginBottom: 36, marginLeft: 40 } as const;

/** What an arrow key moves a point by, and with Shift. */
const step = 0.1;
const stride = 1;

const arrows: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowDown: [0, -1],
  ArrowUp: [0, 1],
};

interface HandlesProps {
  readonly points: readonly Point[];
  readonly onMove: (place: number, point: Point) => void;
}

export function Handles({ points, onMove }: HandlesProps) {
  const layer = useRef<HTMLFieldSetElement>(null);
  /** The one that Tab leads to. */
  const [current, setCurrent] = useState(points.length - 1);
  const [held, setHeld] = useState<number>();

  const drag = (place: number, { clientX, clientY }: PointerEvent): void => {
    const box = layer.current?.getBoundingClientRect();
    if (box === undefined || held !== place) return;
    const [left, right] = window.x;
    const [bottom, top] = window.y;
    const x = left + ((clientX - box.left) / box.width) * (right - left);
    const y = top - ((clientY - box.top) / box.height) * (top - bottom);
    onMove(place, { x, y });
  };

  const press = (place: number, point: Point, event: KeyboardEvent): void => {
    const arrow = arrows[event.key];
    const turn = event.key === "PageDown" ? 1 : event.key === "PageUp" ? -1 : 0;
    if (arrow === undefined && turn === 0) return;
    event.preventDefault();
    if (arrow !== undefined) {
      const far = event.shiftKey ? stride : step;
      onMove(place, { x: point.x + far * arrow[0], y: point.y + far * arrow[1] });
    } else {
      const chosen = (place + turn + points.length) % points.length;
      setCurrent(chosen);
      layer.current?.querySelectorAll("button")[chosen]?.focus();
    }
  };

  const { marginTop, marginRight, marginBottom, marginLeft } = margins;
  const inset = `${marginTop}px ${marginRight}px ${marginBottom}px ${marginLeft}px`;
  return (
    <fieldset class="handles" ref={layer} style={{ inset }}>
      <legend class="unseen">
        Points: the arrow keys move one, with Shift further; Page Up and Page Down choose another
      </legend>
      {points.map((point, place) => (
        <button
          key={place}
          type="button"
          class="handle"
          aria-label={`Point ${place + 1} of ${points.length}, x ${point.x}, y ${point.y}`}
          tabIndex={place === current ? 0 : -1}
          style={{ left: `${share(point.x, window.x)}%`, bottom: `${share(point.y, window.y)}%` }}
          onFocus={() => setCurrent(place)}
          onKeyDown={(event) => press(place, point, event)}
          onPointerDown={(event) => {
            event.currentTarget.setPointerCapture(event.pointerId);
            setHeld(place);
          }}
          onPointerMove={(event) => drag(place, event)}
          onPointerUp={() => setHeld(undefined)}
          onPointerCancel={() => setHeld(undefined)}
        />
      ))}
    </fieldset>
  );
}

const share = (value: number, [low, high]: readonly [number, number]): number => (100 * (value - low)) / (high - low);
