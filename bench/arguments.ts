/** What the benches read from their command lines. */
import { InvalidArgumentError } from "commander";
import type { Shape } from "./inputs.js";

export function sizes(text: string): number[] {
  const list = text.split(",").map(Number);
  if (list.some((n) => !Number.isInteger(n) || n < 1))
    throw new InvalidArgumentError("sizes are whole numbers like 16,1024");
  return list;
}

export function shapes(text: string): Shape[] {
  return text.split(",").map((shape) => {
    const [, rows, classes] = /^([1-9]\d*)[x×]([1-9]\d*)$/.exec(shape) ?? [];
    if (rows === undefined) throw new InvalidArgumentError("shapes are rows and classes like 4096x10,512x1000");
    return [Number(rows), Number(classes)];
  });
}
