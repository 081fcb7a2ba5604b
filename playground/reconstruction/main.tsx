/** A denoiser of handwritten digits that learns with the loss of one's choice. */
import "./reconstruction.css";
import * as Plot from "@observablehq/plot";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { number, oneOf, useAddress, whole } from "../shell/address.js";
import { Chart, Legend } from "../shell/chart.js";
import { Choice, Slider } from "../shell/controls.js";
import { still } from "../shell/motion.js";
import { type Given, show } from "../shell/page.js";
import { type Lesson, likeness, type Name, names } from "./denoiser.js";
import { fetchDigits, noisyOf, pixels, side } from "./digits.js";
import type { Progress, ToPage, ToWorker } from "./messages.js";

const shown = 10;
const looks: Readonly<Record<Name, string>> = {
  mse: "var(--two)",
  mae: "var(--one)",
  huber: "var(--three)",
  charbonnier: "var(--five)",
  bce: "var(--four)",
  "1 − ssim": "var(--ink)",
};
const fields = { loss: oneOf("mse", names), noise: number(0.6, 0, 1), seed: whole(1, 1, 9999) };

/** The last run of a loss. */
interface Run {
  readonly loss: Name;
  readonly past: readonly Pick<Progress, "step" | "loss" | "psnr" | "ssim">[];
}

type State = "idle" | "loading" | "training" | "paused" | "done";

/** A worker that lives as long as its lesson. */
function useTraining(onProgress: (progress: Progress, lesson: Lesson) => void) {
  const [state, setState] = useState<State>("idle");
  const [failed, setFailed] = useState("");
  const worker = useRef<Worker>(undefined);
  const stop = (): void => {
    worker.current?.terminate();
    worker.current = undefined;
    setState("idle");
  };
  useEffect(() => () => worker.current?.terminate(), []);

  const tell = (message: ToWorker): void => worker.current?.postMessage(message);
  const train = (lesson: Lesson, clean: Float32Array, noisy: Float32Array): void => {
    stop();
    setFailed("");
    setState("loading");
    const own = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    worker.current = own;
    const fail = (said: string): void => {
      stop();
      setFailed(said);
    };
    own.onerror = ({ message }) => fail(message || "the worker could not be started");
    own.onmessage = ({ data }: MessageEvent<ToPage>) => {
      if (worker.current !== own) return;
      if (data.kind === "failed") return fail(data.said);
      setState((now) => (data.done ? "done" : now === "loading" ? "training" : now));
      onProgress(data, lesson);
    };
    const digits = new URL("digits-train.bin", location.href).href;
    tell({ kind: "train", lesson, digits, clean, noisy, shown, pause: still() ? 1000 : 250 });
  };
  const pause = (): void => {
    tell({ kind: "pause" });
    setState("paused");
  };
  const goOn = (): void => {
    tell({ kind: "go on" });
    setState("training");
  };
  return { state, failed, train, pause, goOn, stop };
}

function Reconstruction({ losses }: Given) {
  const [{ loss, noise, seed }, change] = useAddress(fields);
  const [clean, missing, again] = useDigits();
  const [runs, setRuns] = useState<readonly Run[]>([]);
  const [restored, setRestored] = useState<Float32Array>();
  const training = useTraining(({ restored, ...progress }, lesson) => {
    setRestored(restored);
    setRuns((all) => {
      const own = all.find((run) => run.loss === lesson.loss);
      const others = all.filter((run) => run !== own);
      return [...others, { loss: lesson.loss, past: [...(own?.past ?? []), progress] }];
    });
  });
  const noisy = useMemo(() => (clean === undefined ? undefined : noisyOf(clean, noise)), [clean, noise]);
  const before = useMemo(
    () => (clean === undefined || noisy === undefined ? undefined : likeness(losses, noisy, clean)),
    [losses, clean, noisy],
  );
  const { state } = training;
  const running = state === "loading" || state === "training" || state === "paused";

  /** Another lesson ends the one that is going on. */
  const choose = (changes: Partial<Lesson>): void => {
    training.stop();
    setRestored(undefined);
    if (changes.noise !== undefined || changes.seed !== undefined) setRuns([]); // not to be compared with what follows
    change(changes);
  };
  const start = (): void => {
    if (clean === undefined || noisy === undefined) return;
    setRuns((all) => all.filter((run) => run.loss !== loss));
    setRestored(undefined);
    training.train({ loss, noise, seed }, clean, noisy);
  };
  const latest = running || state === "done" ? runs.find((run) => run.loss === loss)?.past.at(-1) : undefined;
  const button = {
    idle: ["Train", start],
    done: ["Train again", start],
    loading: ["Loading digits …", undefined],
    training: ["Pause", training.pause],
    paused: ["Go on", training.goOn],
  } as const;
  const [label, onClick] = button[state];

  return (
    <>
      <h1>Reconstruction</h1>
      <p>
        A network of {pixels} → 64 → {pixels} learns, in a worker of this page, to give digits back without their noise.
        It is judged by 64 digits that it never learns from. Squares and cross entropy gain most in PSNR, which is a
        mean of squares itself; 1 − SSIM gains most in structure, and mae likes pixels to be exactly black.
      </p>
      {missing !== "" && (
        <p class="notice" role="alert">
          The digits could not be loaded: {missing}.{" "}
          <button type="button" onClick={again}>
            Try again
          </button>
        </p>
      )}
      {training.failed !== "" && (
        <p class="notice" role="alert">
          The training has stopped: {training.failed}. Train tries it again.
        </p>
      )}
      <div class="split">
        <div class="panel stack">
          <Choice label="Loss" value={loss} choices={names} onChange={(name) => choose({ loss: name })} />
          <Slider
            label="Noise, its standard deviation"
            value={noise}
            from={0}
            to={1}
            step={0.05}
            onChange={(value) => choose({ noise: value })}
          />
          <div class="row">
            <button
              type="button"
              class="main"
              disabled={onClick === undefined || noisy === undefined}
              onClick={onClick}
            >
              {label}
            </button>
            <button
              type="button"
              onClick={() => {
                training.stop();
                setRuns([]);
                setRestored(undefined);
              }}
            >
              Reset
            </button>
            <button type="button" onClick={() => choose({ seed: (seed % 9999) + 1 })}>
              New seed
            </button>
          </div>
          <dl class="figures">
            <Figure name="steps" value={latest?.step.toLocaleString("en") ?? "–"} />
            <Figure name="loss" value={latest?.loss.toPrecision(3) ?? "–"} />
            <Figure name="PSNR" value={decibel(latest?.psnr)} beside={`noisy ${decibel(before?.psnr)}`} />
            <Figure
              name="SSIM"
              value={latest?.ssim.toFixed(3) ?? "–"}
              beside={`noisy ${before?.ssim.toFixed(3) ?? "–"}`}
            />
          </dl>
          <p class="faint">
            Seed {seed}. Another loss keeps the curves of the last; another noise or seed clears them. Training ends
            after 3,000 steps.
          </p>
        </div>
        <div class="stack">
          <div class="panel stack digits">
            <Digits name="Clean" digits={clean} />
            <Digits name="Noisy" digits={noisy} />
            <Digits name="Restored" digits={restored} />
          </div>
          <div class="two">
            <Measure title="PSNR, in dB" measure="psnr" runs={runs} level={before?.psnr} />
            <Measure title="SSIM" measure="ssim" runs={runs} level={before?.ssim} />
          </div>
        </div>
      </div>
    </>
  );
}

/** Digits to be judged by, why they are not there, and a way to ask for them again. */
function useDigits(): [Float32Array | undefined, string, () => void] {
  const [digits, setDigits] = useState<Float32Array>();
  const [missing, setMissing] = useState("");
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    setMissing("");
    fetchDigits(new URL("digits-test.bin", location.href)).then(setDigits, (error: unknown) =>
      setMissing(String(error)),
    );
  }, [attempt]);
  return [digits, missing, () => setAttempt(attempt + 1)];
}

const decibel = (value: number | undefined): string =>
  value === undefined ? "–" : value === Infinity ? "∞ dB" : `${value.toFixed(2)} dB`;

function Figure({ name, value, beside }: { readonly name: string; readonly value: string; readonly beside?: string }) {
  return (
    <div>
      <dt class="faint">{name}</dt>
      <dd>{value}</dd>
      {beside !== undefined && <dd class="faint">{beside}</dd>}
    </div>
  );
}

const gap = 2;

/** The first digits, side by side; nothing but their ground where there are none yet. */
function Digits({ name, digits }: { readonly name: string; readonly digits: Float32Array | undefined }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    context.clearRect(0, 0, context.canvas.width, context.canvas.height);
    if (digits === undefined) return;
    for (let digit = 0; digit < shown; digit++) {
      const image = new ImageData(side, side);
      for (let k = 0; k < pixels; k++) {
        const grey = Math.round(255 * (digits[digit * pixels + k] ?? 0));
        image.data.set([grey, grey, grey, 255], 4 * k);
      }
      context.putImageData(image, digit * (side + gap), 0);
    }
  }, [digits]);
  const label = digits === undefined ? `${name}: none yet` : `${name}: ${shown} digits`;
  return (
    <div>
      <span class="faint">{name}</span>
      <canvas
        ref={canvas}
        width={shown * (side + gap) - gap}
        height={side}
        role="img"
        aria-label={label}
        data-row={name}
      />
    </div>
  );
}

interface MeasureProps {
  readonly title: string;
  readonly measure: "psnr" | "ssim";
  readonly runs: readonly Run[];
  /** Of the noisy digits. */
  readonly level: number | undefined;
}

function Measure({ title, measure, runs, level }: MeasureProps) {
  const last = Math.max(100, ...runs.map(({ past }) => past.at(-1)?.step ?? 0));
  const told = runs.map(({ loss, past }) => `${loss} ${past.at(-1)?.[measure].toFixed(3)}`);
  const base = level !== undefined && Number.isFinite(level) ? [level] : [];
  const heights = [...base, ...runs.flatMap(({ past }) => past.map((one) => one[measure]))];
  const room = measure === "psnr" ? 1 : 0.05;
  return (
    <section class="panel" data-measure={measure}>
      <h2>{title}</h2>
      <Legend entries={runs.map(({ loss }) => [loss, looks[loss]])} />
      <Chart
        label={`${title} over steps: ${told.join(", ") || "no run yet"}; noisy ${base[0]?.toFixed(3) ?? "none"}`}
        height={240}
        draw={() => ({
          marginLeft: 44,
          marginRight: 44,
          marginBottom: 34,
          style: { fontSize: "12px" },
          x: { domain: [0, last], label: "step", tickSpacing: 60 },
          y: {
            domain: heights.length === 0 ? [0, 1] : [Math.min(...heights) - room, Math.max(...heights) + room],
            label: null,
            grid: true,
            ticks: 5,
          },
          marks: [
            Plot.ruleY(base, { stroke: "var(--faint)", strokeDasharray: "4 3" }),
            Plot.text(base, {
              x: last,
              y: (height: number) => height,
              text: () => "noisy",
              textAnchor: "start",
              dx: 6,
              fill: "var(--faint)",
            }),
            ...runs.map(({ loss, past }) =>
              Plot.line(past, { x: "step", y: measure, stroke: looks[loss], strokeWidth: 2 }),
            ),
          ],
        })}
      />
    </section>
  );
}

await show("reconstruction", Reconstruction);
