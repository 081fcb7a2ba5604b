/** The losses timed in the visitor's browser. */
import "./speed.css";
import * as Plot from "@observablehq/plot";
import { useEffect, useRef, useState } from "preact/hooks";
import { flag, oneOf, useAddress } from "../shell/address.js";
import { Chart, Legend } from "../shell/chart.js";
import { Check, Choice } from "../shell/controls.js";
import { type Given, show } from "../shell/page.js";
import { names, type Who, whos } from "./contestants.js";
import type { Order, Result, ToPage } from "./messages.js";

const sizes = { "4,096": 2 ** 12, "65,536": 2 ** 16, "1,048,576": 2 ** 20 } as const;
type Size = keyof typeof sizes;
const isSize = (text: string): text is Size => text in sizes;
const rounds = 7;
const all = "all losses";

const colours: Readonly<Record<Who, string>> = {
  "plain JavaScript": "var(--faint)",
  simdloss: "var(--one)",
  "simdloss in an Arena": "var(--three)",
  "TensorFlow.js": "var(--two)",
};

const fields = {
  size: oneOf<Size>("65,536", Object.keys(sizes).filter(isSize)),
  loss: oneOf(all, [all, ...names]),
  tfjs: flag(false),
};

/** What was timed, and how. */
interface Timed {
  readonly order: Order;
  readonly results: readonly Result[];
  readonly rival: string;
}

type State = "idle" | "timing" | "done" | "stopped";

function Speed({ refused }: Given) {
  const [{ size, loss, tfjs }, change] = useAddress(fields);
  const [state, setState] = useState<State>("idle");
  const [failed, setFailed] = useState("");
  const [timed, setTimed] = useState<Timed>();
  const worker = useRef<Worker>(undefined);
  useEffect(() => () => worker.current?.terminate(), []);

  const stop = (now: State): void => {
    worker.current?.terminate();
    worker.current = undefined;
    setState(now);
  };
  const start = (): void => {
    stop("timing");
    setFailed("");
    const order: Order = {
      losses: names.filter((name) => loss === all || loss === name),
      size: sizes[size],
      tfjs,
      rounds,
    };
    setTimed({ order, results: [], rival: "" });
    const own = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    worker.current = own;
    const fail = (said: string): void => {
      stop("stopped");
      setFailed(said);
    };
    own.onerror = ({ message }) => fail(message || "the worker could not be started");
    own.onmessage = ({ data }: MessageEvent<ToPage>) => {
      if (worker.current !== own) return;
      switch (data.kind) {
        case "result":
          setTimed((before) => before && { ...before, results: [...before.results, data.result] });
          break;
        case "rival":
          setTimed((before) => before && { ...before, rival: data.said });
          break;
        case "done":
          stop("done");
          break;
        case "failed":
          fail(data.said);
          break;
      }
    };
    own.postMessage(order);
  };

  return (
    <>
      <h1>Speed on your machine</h1>
      <p>
        Value and gradient of each loss over Float32 arrays: by this package, with ordinary arrays and with arrays in an
        Arena, where nothing is copied; by the loop that most would write in plain JavaScript; and, if you ask for it,
        by TensorFlow.js. Each takes its turn {rounds} times, in a worker of this page; the figures are medians. Other
        tabs, heat and power saving change them.
      </p>
      {refused ? (
        <p>There is nothing to time here: without WebAssembly, this package is plain JavaScript itself.</p>
      ) : (
        <div class="split">
          <div class="panel stack">
            <Choice
              label="Elements"
              value={size}
              choices={fields.size.choices}
              disabled={state === "timing"}
              onChange={(value) => change({ size: value })}
            />
            <Choice
              label="Of"
              value={loss}
              choices={fields.loss.choices}
              disabled={state === "timing"}
              onChange={(value) => change({ loss: value })}
            />
            <Check
              label="against TensorFlow.js, which is then loaded (some 200 kB)"
              value={tfjs}
              disabled={state === "timing"}
              onChange={(value) => change({ tfjs: value })}
            />
            <div class="row">
              {state === "timing" ? (
                <button type="button" class="main" onClick={() => stop("stopped")}>
                  Stop
                </button>
              ) : (
                <button type="button" class="main" onClick={start}>
                  Time them
                </button>
              )}
            </div>
            {timed !== undefined && <Course state={state} timed={timed} />}
            {failed !== "" && (
              <p class="notice" role="alert">
                The timing has stopped: {failed}.
              </p>
            )}
          </div>
          {timed === undefined || timed.results.length === 0 ? (
            <p class="panel faint">
              {state === "timing" ? "The first loss is being timed …" : "Nothing has been timed yet."}
            </p>
          ) : (
            <Results timed={timed} />
          )}
        </div>
      )}
    </>
  );
}

function Course({ state, timed: { order, results } }: { readonly state: State; readonly timed: Timed }) {
  const said = { idle: "", timing: `timing ${order.losses[results.length] ?? ""} …`, done: "done", stopped: "stopped" }[
    state
  ];
  return (
    <div>
      <progress max={order.losses.length} value={results.length} aria-label="Losses timed" />
      <div class="faint" role="status">
        {results.length} of {order.losses.length}, {said}
      </div>
    </div>
  );
}

const ratioOf = ({ times }: Result, who: Who): number =>
  (times.get("plain JavaScript") ?? Number.NaN) / (times.get(who) ?? Number.NaN);

function Results({ timed: { order, results, rival } }: { readonly timed: Timed }) {
  const seen = whos.filter((who) => results.some(({ times }) => times.has(who)));
  const astray = results.flatMap((result) => result.astray.map((who) => `${result.name} by ${who}`));
  return (
    <div class="stack">
      <section class="panel">
        <h2>How many times as fast as plain JavaScript</h2>
        <Legend entries={seen.filter((who) => who !== "plain JavaScript").map((who) => [who, colours[who]])} />
        <Bars results={results} seen={seen} />
      </section>
      <section class="panel">
        <h2>Nanoseconds an element, and how many times as fast as plain JavaScript</h2>
        <Figures results={results} seen={seen} />
        {astray.length > 0 && (
          <p class="notice">Not timed, as it comes to another value or gradient than simdloss: {astray.join(", ")}.</p>
        )}
        <p class="faint about">
          {order.size.toLocaleString("en")} elements, medians of {order.rounds} rounds
          {rival && `; ${rival}, its answers read back`}. {navigator.userAgent}
        </p>
      </section>
    </div>
  );
}

interface Shown {
  readonly results: readonly Result[];
  readonly seen: readonly Who[];
}

function Bars({ results, seen }: Shown) {
  const bars = results.flatMap((result) =>
    seen
      .filter((who) => who !== "plain JavaScript" && result.times.has(who))
      .map((who) => ({ name: result.name, who, ratio: ratioOf(result, who) })),
  );
  const told = bars.map(({ name, who, ratio }) => `${name} by ${who} ${times(ratio)}`);
  const ratios = bars.map(({ ratio }) => ratio);
  const many = seen.length - 1;
  return (
    <Chart
      label={`Times as fast as plain JavaScript: ${told.join(", ")}`}
      height={50 + results.length * (many * 15 + 10)}
      draw={() => ({
        marginLeft: 112,
        marginRight: 40,
        style: { fontSize: "12px" },
        x: {
          type: "log",
          domain: [Math.min(0.8, ...ratios), Math.max(2, ...ratios)],
          label: null,
          grid: true,
          ticks: 5,
          tickFormat: (ratio: number) => String(ratio),
        },
        y: { domain: seen.filter((who) => who !== "plain JavaScript"), axis: null, padding: 0.1 },
        fy: { domain: results.map(({ name }) => name), label: null, padding: 0.2, axis: "left" },
        marks: [
          Plot.barX(bars, {
            fy: "name",
            y: "who",
            x1: 1,
            x2: "ratio",
            fill: (bar) => colours[whoOf(bar)],
            title: "who",
          }),
          Plot.text(bars, {
            fy: "name",
            y: "who",
            x: (bar) => Math.max(1, bar.ratio),
            text: (bar) => times(bar.ratio),
            textAnchor: "start",
            dx: 5,
            fontSize: 10,
          }),
          Plot.ruleX([1], { stroke: "var(--ink)" }),
        ],
      })}
    />
  );
}

const whoOf = ({ who }: { readonly who: Who }): Who => who;
const times = (ratio: number): string => `${ratio >= 10 ? ratio.toFixed(0) : ratio.toFixed(1)} ×`;

function Figures({ results, seen }: Shown) {
  return (
    <div class="wide">
      <table>
        <thead>
          <tr>
            <th scope="col">loss</th>
            {seen.map((who) => (
              <th key={who} scope="col" class="number">
                {who}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {results.map((result) => (
            <tr key={result.name}>
              <th scope="row">
                <code>{result.name}</code>
              </th>
              {seen.map((who) => {
                const time = result.times.get(who);
                return (
                  <td key={who} class="number">
                    {time === undefined ? "–" : time.toPrecision(3)}
                    {time !== undefined && who !== "plain JavaScript" && (
                      <span class="faint"> {times(ratioOf(result, who))}</span>
                    )}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

await show("speed", Speed);
