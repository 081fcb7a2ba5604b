/** Trains a denoiser beside the page, and tells how it goes. */
import { load } from "../shell/losses.js";
import { Denoiser, likeness } from "./denoiser.js";
import { fetchDigits, pixels } from "./digits.js";
import type { ToPage, ToWorker } from "./messages.js";

type Lesson = Extract<ToWorker, { kind: "train" }>;

const most = 3000;
/** Settled while it may go on. */
let free: Promise<void> = Promise.resolve();
let release: (() => void) | undefined;

const tell = (message: ToPage, ...transfer: Transferable[]): void => postMessage(message, { transfer });
/** Lets messages in. */
const breath = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

addEventListener("message", ({ data }: MessageEvent<ToWorker>) => {
  switch (data.kind) {
    case "train":
      train(data).catch((error: unknown) =>
        tell({ kind: "failed", said: error instanceof Error ? error.message : String(error) }),
      );
      break;
    case "pause":
      free = new Promise((resolve) => {
        release = resolve;
      });
      break;
    case "go on":
      release?.();
      break;
  }
});

async function train({ lesson, digits, clean, noisy, shown, pause }: Lesson): Promise<void> {
  const [{ losses }, own] = await Promise.all([load(), fetchDigits(digits)]);
  const denoiser = new Denoiser(losses, own, lesson);

  const report = (step: number, loss: number): void => {
    const restored = denoiser.restore(noisy);
    const seen = restored.slice(0, shown * pixels);
    tell(
      { kind: "progress", step, loss, ...likeness(losses, restored, clean), restored: seen, done: step === most },
      seen.buffer,
    );
  };

  let sum = 0;
  let steps = 0;
  let told = performance.now();
  for (let step = 1; step <= most; step++) {
    sum += denoiser.step();
    steps++;
    if (step < most && performance.now() - told < pause) continue;
    report(step, sum / steps);
    [sum, steps] = [0, 0];
    await breath();
    await free;
    told = performance.now();
  }
}
