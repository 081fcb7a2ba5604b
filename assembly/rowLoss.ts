/**
 * A loss of a row: its value, and its derivatives by every entry.
 *
 * It works on panels, vectors of a few rows side by side or of one row in a line: `panels` ends sums and maxima accordingly; to a loss
 * it is all the same. An instance lives at one fixed address, like those of element-wise losses.
 */
@unmanaged
export abstract class RowLoss {
  /** Makes fields of the request's parameter. */
  abstract prepare(a: f64): void;

  /** What fills up the last vector of a row, so that it counts for nothing. */
  abstract padding(): real;
  abstract targetPadding(): real;

  /**
   * Returns the rows' values. Panels 0 and 1 hold predictions and targets, 2 to 4 are free. With GRAD, leaves derivatives in panel 0, by
   * the other array in 1; with HESS, second ones in 2 and 3: all of them still to be multiplied by `panels.factor()`.
   */
  abstract row(): v128;
}
