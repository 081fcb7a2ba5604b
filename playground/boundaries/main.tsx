/** The same small network trained three times side by side, with three losses, on classes of unequal size. */
import "./boundaries.css";
import * as Plot from "@observablehq/plot";
import { useMemo, useReducer, useRef, useState } from "preact/hooks";
import { type Field, number, useAddress, whole } from "../shell/address.js";
import { Chart, Legend } from "../shell/chart.js";
import { Check, Slider, shown } from "../shell/controls.js";
import type { Losses } from "../shell/losses.js";
import { still, useFrames } from "../shell/motion.js";
import { type Given, show } from "../shell/page.js";
import { type Data, drawData, grid, window } from "./data.js";
import { History } from "./history.js";
import { Learner, names, type Settings } from "./learner.js";

const looks = {
  bce: { stroke: "var(--one)", call: "bceWithLogits" },
  focal: { stroke: "var(--two)", call: "focalWithLogits" },
  KL: { stroke: "var(--three)", call: "klDivergenceWithLogits" },
} as const;

const alphas = number(0.75, 0, 1);
const alpha: Field<number | null> = {
  usual: 0.75,
  read: (text) => (text === "off" ? null : alphas.read(text)),
  write: (value) => (value === null ? "off" : String(value)),
};
const fields = {
  share: number(0.1, 0.01, 0.5),
  noise: number(0.25, 0, 0.6),
  gamma: number(2, 0, 5),
  alpha,
  smoothing: number(0, 0, 0.5),
  rate: number(0.01, 0.001, 0.1),
  seed: whole(1, 1, 9999),
};

/** Cells of the field that is drawn of what a network says. */
const cells = { width: 60, height: 48 };
const edge = 0.06;
const field = grid(cells.width, cells.height);
/** Milliseconds of a frame that go to learning, and seconds between two drawings, which take 60 ms without a GPU. */
const budget = 8;
const often = 0.15;
const seldom = 0.5;

/** One network, and what has become of it. */
interface Run {
  readonly learner: Learner;
  readonly history: History;
}

const runsOf = (losses: Losses, data: Data, seed: number): readonly Run[] =>
  names.map((name) => ({ learner: new Learner(name, losses, data, seed), history: new History() }));

function step(runs: readonly Run[], settings: Settings): void {
  for (const { learner, history } of runs) {
    const { steps } = learner;
    history.add(steps, learner.step(settings));
  }
}

function Boundaries({ losses }: Given) {
  const [{ share, noise, seed, ...settings }, change] = useAddress(fields);
  const [attempt, again] = useReducer<number, void>((count) => count + 1, 0);
  const [playing, setPlaying] = useState(false);
  const [, redraw] = useReducer<number, void>((count) => count + 1, 0);
  const waited = useRef(0);
  const data = useMemo(() => drawData({ share, noise, seed }), [share, noise, seed]);
  const runs = useMemo(() => runsOf(losses, data, seed), [losses, data, seed, attempt]);

  useFrames(playing, (seconds) => {
    const until = performance.now() + budget;
    do step(runs, settings);
    while (performance.now() < until);
    waited.current += seconds;
    if (waited.current < (still() ? seldom : often)) return;
    waited.current = 0;
    redraw();
  });

  return (
    <>
      <h1>Decision boundaries</h1>
      <p>
        One network, 2 → 16 → 16, learns three times from the same {data.labels.length} points and the same first
        weights; only the loss differs. The rarer a class is, the less it counts in <code>bce</code>, and the later the
        boundary closes around it. <code>focal</code> counts points that are already right hardly at all, and α weighs
        the rare class against the other.
      </p>
      <p class="faint">
        With hard labels, the KL divergence of a softmax of two logits is the cross entropy of their difference: it
        differs from bce in that the network has two outputs instead of one. Label smoothing changes bce and KL; focal
        takes labels of 0 and 1 only.
      </p>
      <div class="split">
        <div class="panel stack">
          <div class="row">
            <button type="button" class="main" onClick={() => setPlaying(!playing)}>
              {playing ? "Pause" : "Play"}
            </button>
            <button
              type="button"
              onClick={() => {
                step(runs, settings);
                redraw();
              }}
            >
              Step
            </button>
            <button type="button" onClick={() => again()}>
              Reset
            </button>
            <button type="button" onClick={() => change({ seed: (seed % 9999) + 1 })}>
              New seed
            </button>
          </div>
          <Slider
            label="Share of the rare class"
            value={share}
            from={0.01}
            to={0.5}
            step={0.01}
            format={percent}
            onChange={(value) => change({ share: value })}
          />
          <Slider
            label="Noise"
            value={noise}
            from={0}
            to={0.6}
            step={0.05}
            onChange={(value) => change({ noise: value })}
          />
          <Slider
            label="γ of focal"
            value={settings.gamma}
            from={0}
            to={5}
            step={0.1}
            onChange={(value) => change({ gamma: value })}
          />
          <div>
            <Slider
              label="α of focal, the rare class's weight"
              value={settings.alpha ?? 0.75}
              from={0}
              to={1}
              step={0.01}
              disabled={settings.alpha === null}
              format={(value) => (settings.alpha === null ? "off" : shown(value))}
              onChange={(value) => change({ alpha: value })}
            />
            <Check
              label="off: all weigh alike"
              value={settings.alpha === null}
              onChange={(off) => change({ alpha: off ? null : 0.75 })}
            />
          </div>
          <Slider
            label="Label smoothing of bce and KL"
            value={settings.smoothing}
            from={0}
            to={0.5}
            step={0.01}
            onChange={(value) => change({ smoothing: value })}
          />
          <Slider
            label="Learning rate (Adam)"
            value={settings.rate}
            from={0.001}
            to={0.1}
            logarithmic
            onChange={(value) => change({ rate: value })}
          />
          <p class="faint">Seed {seed}. Other points, or another seed, start anew; all else takes effect at once.</p>
        </div>
        <div class="stack">
          <div class="three">
            {runs.map(({ learner }) => (
              <Boundary key={learner.name} learner={learner} data={data} settings={settings} />
            ))}
          </div>
          <div class="panel">
            <h2>Each loss, as a share of what it was at first</h2>
            <Legend entries={names.map((name) => [name, looks[name].stroke])} />
            <Curves runs={runs} />
          </div>
        </div>
      </div>
    </>
  );
}

const percent = (share: number): string =>
  Number.isNaN(share) ? "–" : `${(100 * share).toFixed(share < 0.995 ? 1 : 0)} %`;

interface BoundaryProps {
  readonly learner: Learner;
  readonly data: Data;
  readonly settings: Settings;
}

function Boundary({ learner, data, settings }: BoundaryProps) {
  const { recall, precision, accuracy } = learner.scores();
  const loss = learner.loss(settings);
  const { stroke, call } = looks[learner.name];
  const [left, right] = window.x;
  const [bottom, top] = window.y;
  const place = { ...cells, x1: left, x2: right, y1: bottom, y2: top };
  const indices = Array.from(data.labels.keys());
  const points = (label: number): Plot.Dot =>
    Plot.dot(
      indices.filter((k) => data.labels[k] === label),
      {
        x: (k: number) => data.points[2 * k],
        y: (k: number) => data.points[2 * k + 1],
        symbol: label === 1 ? "triangle" : "circle",
        r: label === 1 ? 4 : 2.5,
        fill: label === 1 ? "var(--two)" : "var(--one)",
        stroke: "var(--panel)",
        strokeWidth: 0.75,
        clip: true,
      },
    );
  return (
    <section class="panel" data-name={learner.name}>
      <h2 style={{ color: stroke }}>
        {learner.name} <code class="faint">{call}</code>
      </h2>
      <Chart
        label={`${learner.name} after ${learner.steps} steps: it finds ${percent(recall)} of the rare class`}
        height={270}
        draw={() => {
          const says = learner.probabilities(field);
          return {
            margin: 6,
            // A boundary is closed along the field's edge, which is kept out of sight.
            x: { domain: [left + edge, right - edge], axis: null },
            y: { domain: [bottom + edge, top - edge], axis: null },
            color: { type: "linear", domain: [0, 0.5, 1], range: ["#3b8fd0", "#9a9a9a", "#e0792b"], clamp: true },
            marks: [
              Plot.raster(says, { ...place, opacity: 0.4, clip: true }),
              points(0),
              points(1),
              Plot.contour(says, {
                ...place,
                thresholds: [0.5],
                stroke: "var(--ink)",
                strokeWidth: 2,
                fill: "none",
                clip: true,
              }),
            ],
          };
        }}
      />
      <dl class="scores">
        <Score name="steps" value={String(learner.steps)} />
        <Score name="loss" value={loss.toPrecision(3)} />
        <Score name="recall" value={percent(recall)} />
        <Score name="precision" value={percent(precision)} />
        <Score name="accuracy" value={percent(accuracy)} />
      </dl>
    </section>
  );
}

function Score({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt class="faint">{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Curves({ runs }: { readonly runs: readonly Run[] }) {
  const curves = runs.map(({ learner, history: { past } }) => ({
    name: learner.name,
    past: past.map(({ step, value }) => ({ step, share: value / (past[0]?.value ?? 1) })),
  }));
  const last = Math.max(10, ...curves.map(({ past }) => past.at(-1)?.step ?? 0));
  const told = curves.map(({ name, past }) => `${name} ${percent(past.at(-1)?.share ?? 1)}`);
  return (
    <Chart
      label={`Losses over steps, as shares of their first values: now ${told.join(", ")}`}
      height={200}
      draw={() => ({
        marginLeft: 50,
        marginRight: 20,
        marginBottom: 34,
        style: { fontSize: "12px" },
        x: { domain: [0, last], label: "step", tickSpacing: 60 },
        y: {
          type: "log",
          domain: [Math.min(0.05, ...curves.flatMap(({ past }) => past.map(({ share }) => share))), 1.2],
          label: null,
          grid: true,
          ticks: 3,
          tickFormat: "~%",
        },
        marks: curves.map(({ name, past }) =>
          Plot.line(past, {
            x: "step",
            y: "share",
            stroke: looks[name].stroke,
            strokeWidth: 2,
            className: `curve-${name}`,
          }),
        ),
      })}
    />
  );
}

await show("boundaries", Boundaries);
