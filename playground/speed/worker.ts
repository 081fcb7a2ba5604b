/** Times the losses beside the page. */
import { load } from "../shell/losses.js";
import { agree, contestants, type Who } from "./contestants.js";
import type { Order, ToPage } from "./messages.js";
import { race } from "./timing.js";

const tell = (message: ToPage): void => postMessage(message);
const breath = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

addEventListener("message", ({ data }: MessageEvent<Order>) => {
  time(data).catch((error: unknown) =>
    tell({ kind: "failed", said: error instanceof Error ? error.message : String(error) }),
  );
});

async function time({ losses: chosen, size, tfjs, rounds }: Order): Promise<void> {
  const { losses } = await load();
  const rival = tfjs ? await import("./tfjs.js") : undefined;
  if (rival !== undefined) tell({ kind: "rival", said: await rival.ready() });
  for (const name of chosen) {
    const all = contestants(losses, name, size);
    if (rival !== undefined) all.set("TensorFlow.js", rival.contestant(name, size));
    const ours = all.get("simdloss");
    const astray = [...all].filter(([, other]) => ours === undefined || !agree(ours, other)).map(([who]) => who);
    const calls = new Map(
      [...all].filter(([who]) => !astray.includes(who)).map(([who, { run }]): [Who, () => void] => [who, run]),
    );
    const times = await race(calls, rounds, () => performance.now(), breath);
    tell({
      kind: "result",
      result: { name, times: new Map([...times].map(([who, ms]) => [who, (1e6 * ms) / size])), astray },
    });
    for (const { end } of all.values()) end?.();
  }
  tell({ kind: "done" });
}
