/** What the examples take on the command line. */
import { InvalidArgumentError } from "commander";

export function positive(text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It must be a whole number, at least 1.");
}
