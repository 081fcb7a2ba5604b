/** Pairs from a CSV file, whose length does not matter. */
import { pipeline, type Readable } from "node:stream";
import { CsvError, parse } from "csv-parse";
import { Mistake } from "./mistake.js";
import { type Piece, pairs } from "./score.js";

export interface Columns {
  readonly prediction: string;
  readonly target: string;
}

/** A first line that is not all numbers names the columns; without one they are the first two. */
export async function* csvPieces(source: Readable, columns: Columns): AsyncGenerator<Piece> {
  const prediction = new Float64Array(pairs);
  const target = new Float64Array(pairs);
  const lines = new Float64Array(pairs);
  const piece = (n: number): Piece => ({
    prediction: prediction.subarray(0, n),
    target: target.subarray(0, n),
    where: (index) => `line ${lines[index]}`,
  });
  let places: { readonly prediction: number; readonly target: number; readonly width: number } | undefined;
  let n = 0;
  for await (const { cells, line } of rowsOf(source)) {
    if (places === undefined) {
      const named = cells.some((cell) => Number.isNaN(numberOf(cell)));
      if (cells.length < 2) throw new Mistake(`line ${line} has one column; two are needed, as in 0.5,1`);
      places = { ...(named ? placesOf(cells, columns) : { prediction: 0, target: 1 }), width: cells.length };
      if (named) continue;
    }
    if (cells.length !== places.width) {
      throw new Mistake(
        `line ${line} has ${cells.length} columns, the first has ${places.width}; correct or remove it`,
      );
    }
    prediction[n] = checked("prediction", cells[places.prediction], line);
    target[n] = checked("target", cells[places.target], line);
    lines[n] = line;
    n++;
    if (n < pairs) continue;
    yield piece(n);
    n = 0;
  }
  if (n > 0) yield piece(n);
}

interface Row {
  readonly cells: readonly string[];
  readonly line: number;
}

/** Lines are counted here: `info`, which the parser would say them in, takes it three times as long. */
async function* rowsOf(source: Readable): AsyncGenerator<Row> {
  // What is no CSV may have no line ends: a longest row keeps it from filling the memory.
  const longest = { max_record_size: 2 ** 20 };
  const parser = parse({ delimiter: [",", ";", "\t"], relax_column_count: true, trim: true, ...longest });
  // An error of the source is the parser's too, and the loop throws it.
  pipeline(source, parser, () => {});
  let line = 1;
  try {
    for await (const record of parser) {
      const cells: readonly string[] = record;
      if (cells.length > 1 || cells[0] !== "") yield { cells, line };
      for (const cell of cells) if (cell.includes("\n")) line += cell.split("\n").length - 1;
      line++;
    }
  } catch (error) {
    throw error instanceof CsvError ? new Mistake(`${error.message}; is it CSV?`) : error;
  }
}

function placesOf(names: readonly string[], { prediction, target }: Columns): { prediction: number; target: number } {
  return { prediction: placeOf(names, prediction, "--prediction"), target: placeOf(names, target, "--target") };
}

function placeOf(names: readonly string[], name: string, option: string): number {
  const place = names.indexOf(name);
  if (place >= 0) return place;
  const found = names.map((other) => JSON.stringify(other)).join(", ");
  throw new Mistake(`no column "${name}", the first line has ${found}; say which it is with ${option}`);
}

function numberOf(cell: string | undefined): number {
  return cell === undefined || cell === "" ? Number.NaN : Number(cell);
}

function checked(name: string, cell: string | undefined, line: number): number {
  const number = numberOf(cell);
  if (!Number.isNaN(number)) return number;
  throw new Mistake(`line ${line}: the ${name} ${JSON.stringify(cell)} is not a number; correct or remove that line`);
}
