/**
 * A loss of a row: its value, and its derivatives by every entry.
 *
 * It works on panels, vectors of a few rows side by side or of one row in a line: `rows` says which, and ends sums and maxima
 * accordingly; to a loss it is all the same. An instance lives at one fixed address, like those of element-wise losses.
 */
@unmanaged
export abstract class RowLoss {
  /** Makes fields of the request's parameter. */
  abstract prepare(a: f64): void;

  /** What fills up the last vector of a row, so that it counts for nothing. */
  abstract padding(): real;
  abstract targetPadding(): real;

  /**
   * Reads the panels X and Y; returns the rows' values; with GRAD leaves the derivatives, times the rows' factors, in their places, with
   * HESS the second ones in those after them.
   */
  abstract row(): v128;
}
