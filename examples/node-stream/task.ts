/** What --loss takes. */
import { InvalidArgumentError } from "commander";
import { losses, type Task } from "./score.js";

/** One more: "mse", or "focal:alpha=null,gamma=1". */
export function task(text: string, before: readonly Task[] = []): readonly Task[] {
  const [name = "", settings] = text.split(":", 2);
  const loss = losses.get(name);
  if (loss === undefined) {
    throw new InvalidArgumentError(`The losses are ${[...losses.keys()].join(", ")}; files come before --loss.`);
  }
  const options = Object.fromEntries((settings?.split(",") ?? []).map(parameter));
  try {
    loss.total([], [], options);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? `${error.message}.` : "");
  }
  return [...before, { title: text, loss, options }];
}

function parameter(text: string): [string, number | null] {
  const [, name, value] = /^(\w+)=(.+)$/.exec(text) ?? [];
  if (name !== undefined && value === "null") return [name, null];
  if (name !== undefined && !Number.isNaN(Number(value))) return [name, Number(value)];
  throw new InvalidArgumentError(`Parameters are written as in huber:delta=2, got ${JSON.stringify(text)}.`);
}
