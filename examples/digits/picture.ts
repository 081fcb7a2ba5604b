/** Digits in a terminal: two pixels a character, one above the other. */
import { side } from "../mnist.js";

/** What is drawn of each side; MNIST's digits are scaled to fit it. */
const box = 20;
const gap = "    ";
const blocks = [" ", "▄", "▀", "█"];

export interface Picture {
  readonly caption: string;
  readonly pixels: Float32Array;
}

/** Lines of text with the pictures side by side. */
export function drawn(pictures: readonly Picture[]): string {
  const columns = pictures.map(({ caption, pixels }) => [...lines(pixels), "", caption]);
  const height = Math.max(...columns.map((column) => column.length));
  const width = Math.max(box, ...pictures.map(({ caption }) => caption.length));
  return Array.from({ length: height }, (_, line) =>
    columns
      .map((column) => (column[line] ?? "").padEnd(width))
      .join(gap)
      .trimEnd(),
  ).join("\n");
}

function lines(pixels: Float32Array): string[] {
  const ink = (x: number, y: number): boolean => x < side && y < side && (pixels[y * side + x] ?? 0) > 0.5;
  const places = Array.from({ length: side }, (_, place) => place);
  const left = places.findIndex((x) => places.some((y) => ink(x, y)));
  const top = places.findIndex((y) => places.some((x) => ink(x, y)));
  return places.slice(0, box / 2).map((line) => {
    const y = top + 2 * line;
    return places
      .slice(0, box)
      .map((place) => blocks[2 * Number(ink(left + place, y)) + Number(ink(left + place, y + 1))])
      .join("");
  });
}
