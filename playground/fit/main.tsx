/** One line through the same points for each of five losses, while points are dragged about. */
import "./fit.css";
import * as Plot from "@observablehq/plot";
import { useMemo } from "preact/hooks";
import { type Field, number, useAddress, whole } from "../shell/address.js";
import { Chart } from "../shell/chart.js";
import { Check, Slider, shown } from "../shell/controls.js";
import { type Given, show } from "../shell/page.js";
import { apart, type Fit, type Fitted, leastLine } from "./fit.js";
import { Handles, margins } from "./handles.js";
import {
  drawPoints,
  heightOn,
  type Line,
  type Moved,
  type Point,
  readMoved,
  truth,
  window,
  within,
  writeMoved,
} from "./points.js";

/** How a loss is drawn, and what it teaches. */
const lines = {
  mse: {
    stroke: "var(--two)",
    dash: "",
    pull: "A point pulls as hard as it is far: one outlier outweighs many near points.",
  },
  mae: {
    stroke: "var(--one)",
    dash: "6 3",
    pull: "All points pull equally hard, however far. The line passes through two of them.",
  },
  huber: { stroke: "var(--three)", dash: "10 3", pull: "Pulls as mse within δ of the line, and with δ beyond." },
  logCosh: {
    stroke: "var(--four)",
    dash: "2 3",
    pull: "Pulls with tanh of the distance: as huber with δ = 1, without its corner.",
  },
  charbonnier: {
    stroke: "var(--five)",
    dash: "10 3 2 3",
    pull: "Pulls as mae, but within ε gently: the line need not pass through points.",
  },
} as const;
type Name = keyof typeof lines;
const names: readonly Name[] = ["mse", "mae", "huber", "logCosh", "charbonnier"];

const none: Moved = new Map();
const moves: Field<Moved> = { usual: none, read: readMoved, write: writeMoved };
const hidden: Field<readonly Name[]> = {
  usual: [],
  read: (text) => names.filter((name) => text.split(",").includes(name)),
  write: (hide) => hide.join(","),
};

const fields = {
  delta: number(1, 0.05, 20),
  epsilon: number(0.1, 1e-3, 10),
  outliers: whole(3, 0, 8),
  noise: number(0.6, 0, 2),
  seed: whole(1, 1, 9999),
  moved: moves,
  hide: hidden,
};

function RobustFit({ losses }: Given) {
  const [{ delta, epsilon, outliers, noise, seed, moved, hide }, change] = useAddress(fields);
  const points = useMemo(
    () => drawPoints({ outliers, noise, seed }).map((point, place) => moved.get(place) ?? point),
    [outliers, noise, seed, writeMoved(moved)],
  );
  const fits = useMemo(() => {
    const fitted: Readonly<Record<Name, Fitted>> = {
      mse: { loss: losses.mse, parameters: {} },
      mae: { loss: losses.mae, parameters: {}, corner: true },
      huber: { loss: losses.huber, parameters: { delta } },
      logCosh: { loss: losses.logCosh, parameters: {} },
      charbonnier: { loss: losses.charbonnier, parameters: { epsilon } },
    };
    return names.map((name) => ({ name, line: leastLine(fitted[name], points) }));
  }, [losses, points, delta, epsilon]);
  const seen = fits.filter(({ name }) => !hide.includes(name));
  const anew = (changes: Parameters<typeof change>[0]): void => change({ ...changes, moved: none });

  return (
    <>
      <h1>Robust fit</h1>
      <p>
        Each line has the least loss of its kind over the same {points.length} points. Drag points, or move them with
        the arrow keys, and see which lines follow a single point that is far off, and which stay where most points are:
        it is the gradient of the loss, as it grows or does not grow with the distance, that decides how hard a point
        pulls.
      </p>
      <div class="split">
        <div class="panel stack">
          <Slider
            label="δ of huber"
            value={delta}
            from={0.05}
            to={20}
            logarithmic
            onChange={(value) => change({ delta: value })}
          />
          <Slider
            label="ε of charbonnier"
            value={epsilon}
            from={1e-3}
            to={10}
            logarithmic
            onChange={(value) => change({ epsilon: value })}
          />
          <Slider
            label="Outliers"
            value={outliers}
            from={0}
            to={8}
            step={1}
            onChange={(value) => anew({ outliers: value })}
          />
          <Slider
            label="Noise of the others"
            value={noise}
            from={0}
            to={2}
            step={0.05}
            onChange={(value) => anew({ noise: value })}
          />
          <div class="row">
            <button type="button" class="main" onClick={() => anew({ seed: (seed % 9999) + 1 })}>
              New points
            </button>
            <button type="button" disabled={moved.size === 0} onClick={() => change({ moved: none })}>
              Put them back
            </button>
          </div>
        </div>
        <div class="stack">
          <div class="panel">
            <Scene
              points={points}
              fits={seen}
              onMove={(place, point) => change({ moved: new Map([...moved, [place, within(point)]]) })}
            />
          </div>
          <div class="panel">
            <Lines fits={fits} hide={hide} onHide={(hide) => change({ hide })} />
          </div>
        </div>
      </div>
    </>
  );
}

interface Named {
  readonly name: Name;
  readonly line: Fit;
}

interface SceneProps {
  readonly points: readonly Point[];
  readonly fits: readonly Named[];
  readonly onMove: (place: number, point: Point) => void;
}

function Scene({ points, fits, onMove }: SceneProps) {
  const ends = (line: Line): Point[] => window.x.map((x) => ({ x, y: heightOn(line, x) }));
  const told = fits.map(({ name, line }) => `${name} ${equation(line)}`).join("; ");
  return (
    <div class="scene">
      <Chart
        label={`${points.length} points, and the lines that fit them: ${told}`}
        height={460}
        draw={() => ({
          ...margins,
          style: { fontSize: "12px" },
          x: { domain: [...window.x], label: "x" },
          y: { domain: [...window.y], label: "y", grid: true },
          marks: [
            Plot.line(ends(truth), { x: "x", y: "y", stroke: "var(--line)", strokeWidth: 9 }),
            ...fits.map(({ name, line }) =>
              Plot.line(ends(line), {
                x: "x",
                y: "y",
                stroke: lines[name].stroke,
                strokeWidth: 2.5,
                ...(lines[name].dash !== "" && { strokeDasharray: lines[name].dash }),
                clip: true,
                className: name,
              }),
            ),
          ],
        })}
      />
      <Handles points={points} onMove={onMove} />
    </div>
  );
}

interface LinesProps {
  readonly fits: readonly Named[];
  readonly hide: readonly Name[];
  readonly onHide: (hide: readonly Name[]) => void;
}

function Lines({ fits, hide, onHide }: LinesProps) {
  return (
    <table class="lines">
      <thead>
        <tr>
          <th scope="col">loss</th>
          <th scope="col">line</th>
          <th scope="col" class="number">
            mean loss
          </th>
          <th scope="col" class="number">
            off the truth
          </th>
          <th scope="col" class="pull">
            how points pull
          </th>
        </tr>
      </thead>
      <tbody>
        {fits.map(({ name, line }) => (
          <tr key={name}>
            <th scope="row">
              <Check
                label={
                  <>
                    <Swatch name={name} />
                    <code>{name}</code>
                  </>
                }
                value={!hide.includes(name)}
                onChange={(on) => onHide(on ? hide.filter((other) => other !== name) : [...hide, name])}
              />
            </th>
            <td>{equation(line)}</td>
            <td class="number" data-label="mean loss">
              {line.value.toFixed(3)}
            </td>
            <td class="number" data-label="off by">
              {apart(line, truth, window.x).toFixed(3)}
            </td>
            <td class="pull faint">{lines[name].pull}</td>
          </tr>
        ))}
      </tbody>
      <caption>
        The broad line is the truth, {equation(truth)}; off it is the root of the mean square between the two lines.
      </caption>
    </table>
  );
}

const equation = ({ intercept, slope }: Line): string =>
  `${shown(Number(intercept.toFixed(3)))} ${slope < 0 ? "−" : "+"} ${shown(Math.abs(Number(slope.toFixed(3))))} x`;

function Swatch({ name }: { readonly name: Name }) {
  return (
    <svg width="34" height="10" aria-hidden="true">
      <line
        x1="1"
        x2="33"
        y1="5"
        y2="5"
        stroke={lines[name].stroke}
        stroke-width="3"
        stroke-dasharray={lines[name].dash}
      />
    </svg>
  );
}

await show("fit", RobustFit);
