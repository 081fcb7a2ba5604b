/** Structural similarity of images, in f64 for arrays of either type: a few rows at a time, and what they leave for the rows below. */

/** Filled in by JavaScript, field by field in this order; `sum` and `rest` come back. */
@unmanaged
class Strip {
  /** Rows of the images that are at hand; those of the first strip at least a window's. */
  rows: i32;
  /** Numbers in a row. */
  length: i32;
  /** Numbers of a pixel, side by side. */
  channels: i32;
  /** 1 where the arrays are f32. */
  narrow: i32;
  /** 1 in an image's first strip, and in its last. */
  first: i32;
  last: i32;
  prediction: usize;
  target: usize;
  /** Derivatives, ten rows more than `rows` at most, which belong to images' rows from ten above the strip's first on; or 0. */
  grad: usize;
  /** A row of pairs. */
  line: usize;
  /** Rows blurred along the row, ten from above before them. */
  blurred: usize;
  /** For derivatives: the same rows' [u, v]; rows of what windows give back, with ten empty pixels on either side; and those blurred. */
  pixels: usize;
  given: usize;
  returned: usize;
  /** A power of two by which pixels are multiplied, and C₁ and C₂ in that unit. */
  unit: f64;
  c1: f64;
  c2: f64;
  /** What derivatives are multiplied by. */
  scale: f64;
  sum: f64;
  rest: f64;
}

const strip = changetype<Strip>(memory.data(offsetof<Strip>(), 16));

/** Where it lies, for JavaScript. */
export const STRIP: usize = changetype<usize>(strip);

/** Rows that a window reaches beyond one. */
const REACH: i32 = 10;

/** Bytes of two vectors: [u, v] and [u², v²], or what takes their place. */
const PAIR: i32 = 32;

/** Columns that are blurred down together: what they are made of stays in the fastest cache. */
const COLUMNS: i32 = 16;

@unmanaged
class windows {
  /** Σ of 11 vectors `step` bytes apart, times e^(−k²/(2·1.5²)) over the sum of all, k from −5 to 5. */
  @inline static blur(at: usize, step: usize): v128 {
    const middle = at + 5 * step;
    let sum = f64x2.mul(windows.both(at, at + 10 * step), f64x2.splat(0.0010283800844791099));
    sum = f64x2.add(sum, f64x2.mul(windows.both(at + step, at + 9 * step), f64x2.splat(0.007598758135239184)));
    sum = f64x2.add(sum, f64x2.mul(windows.both(at + 2 * step, at + 8 * step), f64x2.splat(0.03600077212843082)));
    sum = f64x2.add(sum, f64x2.mul(windows.both(at + 3 * step, at + 7 * step), f64x2.splat(0.10936068950970002)));
    sum = f64x2.add(sum, f64x2.mul(windows.both(at + 4 * step, at + 6 * step), f64x2.splat(0.2130055377112537)));
    return f64x2.add(sum, f64x2.mul(v128.load(middle), f64x2.splat(0.26601172486179436)));
  }

  @inline static both(one: usize, other: usize): v128 {
    return f64x2.add(v128.load(one), v128.load(other));
  }

  /** `count` pairs of sums of pairs. */
  static blurAll(from: usize, step: usize, to: usize, count: i32): void {
    const end = to + count * PAIR;
    while (to < end) {
      v128.store(to, windows.blur(from, step));
      v128.store(to, windows.blur(from + 16, step), 16);
      from += PAIR;
      to += PAIR;
    }
  }

  /** Leaves u = x + y and v = x − y of a row, and their squares. */
  @inline static pair<E>(row: i32, pixels: usize): void {
    const unit = f64x2.splat(strip.unit);
    const minus = f64x2(0, -0.0);
    const start = row * strip.length * sizeof<E>();
    let x = strip.prediction + start;
    let y = strip.target + start;
    const end = x + strip.length * sizeof<E>();
    let to = strip.line;
    while (x < end) {
      const one = f64x2.mul(f64x2.splat(<f64>load<E>(x)), unit);
      const other = f64x2.mul(f64x2.splat(<f64>load<E>(y)), unit);
      const uv = f64x2.add(one, v128.xor(other, minus));
      v128.store(to, uv);
      v128.store(to, f64x2.mul(uv, uv), 16);
      if (pixels) {
        v128.store(pixels, uv);
        pixels += 16;
      }
      x += sizeof<E>();
      y += sizeof<E>();
      to += PAIR;
    }
  }

  /**
   * The windows of `rows` rows: adds 1 − SSIM of each to the sum, and leaves what the derivative needs of them.
   *
   * SSIM is (1 − a)(1 − b) with a = μ_v²/(½(μ_u² + μ_v²) + C₁), the means' part, and b = σ_v²/(½(σ_u² + σ_v²) + C₂), that of the variances: Wang's
   * (2004) formula in u and v, in which equal images lose no digits. Both parts are worked out side by side.
   */
  @inline static compare(rows: i32, derivative: bool): void {
    const margin = REACH * strip.channels;
    const width = strip.length - margin;
    const step = width * PAIR;
    const wide = (width + 2 * margin) * PAIR;
    const half = f64x2.splat(0.5);
    const one = f64x2.splat(1);
    const two = f64x2.splat(2);
    const least = f64x2.replace_lane(f64x2.splat(strip.c1), 1, strip.c2);
    for (let column = 0; column < width; column += COLUMNS) {
      const columns = min(COLUMNS, width - column);
      for (let row = 0; row < rows; row++) {
        let at = strip.blurred + row * step + column * PAIR;
        let to = strip.given + row * wide + (margin + column) * PAIR;
        const end = at + columns * PAIR;
        let block: f64 = 0;
        while (at < end) {
          const means = windows.blur(at, step);
          const squares = f64x2.mul(means, means);
          // Rounding may take a variance below 0.
          const variances = f64x2.pmax(f64x2.sub(windows.blur(at + 16, step), squares), f64x2.splat(0));
          const ofU = i64x2.shuffle(squares, variances, 0, 2);
          const ofV = i64x2.shuffle(squares, variances, 1, 3);
          const all = f64x2.add(f64x2.mul(half, f64x2.add(ofU, ofV)), least);
          const parts = f64x2.div(ofV, all);
          const a = f64x2.extract_lane(parts, 0);
          const b = f64x2.extract_lane(parts, 1);
          block += a + b * (1 - a);
          if (derivative) {
            // By μ: (1 − b)/A [a, a − 2] μ, of which σ² = E − μ² takes back what E gives; by E: (1 − a)/(2B) [b, b − 2].
            const others = f64x2.div(f64x2.sub(one, i64x2.shuffle(parts, parts, 1, 0)), all);
            const less = f64x2.replace_lane(two, 0, 0);
            const byMean = f64x2.mul(i64x2.shuffle(others, others, 0, 0), f64x2.sub(f64x2.splat(a), less));
            const bySquare = f64x2.mul(i64x2.shuffle(others, others, 1, 1), f64x2.sub(f64x2.splat(b), less));
            v128.store(to, f64x2.mul(means, f64x2.sub(byMean, bySquare)));
            v128.store(to, bySquare, 16);
            to += PAIR;
          }
          at += PAIR;
        }
        windows.close(block);
      }
    }
  }

  /** Adds to the sum, and to its rest what that addition rounds away. Knuth (1969), two-sum. */
  @inline static close(block: f64): void {
    const sum = strip.sum;
    const next = sum + block;
    const added = next - sum;
    strip.rest += sum - (next - added) + (block - added);
    strip.sum = next;
  }

  /** The derivatives of `rows` rows: what all windows that hold a pixel give back to its u and its v, both of which x is a part of. */
  @inline static collect<E>(rows: i32): void {
    const length = strip.length;
    const step = length * PAIR;
    const scale = strip.scale;
    for (let column = 0; column < length; column += COLUMNS) {
      const columns = min(COLUMNS, length - column);
      for (let row = 0; row < rows; row++) {
        const index = row * length + column;
        let at = strip.returned + index * PAIR;
        let pixel = strip.pixels + index * 16;
        let to = strip.grad + index * sizeof<E>();
        const end = at + columns * PAIR;
        while (at < end) {
          const both = f64x2.add(windows.blur(at, step), f64x2.mul(v128.load(pixel), windows.blur(at + 16, step)));
          const grad = (f64x2.extract_lane(both, 0) + f64x2.extract_lane(both, 1)) * scale;
          store<E>(to, <E>grad);
          at += PAIR;
          pixel += 16;
          to += sizeof<E>();
        }
      }
    }
  }
}

function pairAndBlur<E>(above: i32): void {
  const length = strip.length;
  const margin = REACH * strip.channels;
  const width = length - margin;
  for (let row = 0; row < strip.rows; row++) {
    windows.pair<E>(row, strip.grad ? strip.pixels + (above + row) * length * 16 : 0);
    windows.blurAll(strip.line, strip.channels * PAIR, strip.blurred + (above + row) * width * PAIR, width);
  }
}

/** Blurs what `rows` rows of windows give back along the row; above the image's first and below its last there is nothing. */
function giveBack(rows: i32): void {
  const margin = REACH * strip.channels;
  const step = strip.length * PAIR;
  const wide = (strip.length + margin) * PAIR;
  if (strip.first) memory.fill(strip.returned, 0, REACH * step);
  for (let row = 0; row < rows; row++) {
    const from = strip.given + row * wide;
    memory.fill(from, 0, margin * PAIR);
    memory.fill(from + wide - margin * PAIR, 0, margin * PAIR);
    windows.blurAll(from, strip.channels * PAIR, strip.returned + (REACH + row) * step, strip.length);
  }
  if (strip.last) memory.fill(strip.returned + (REACH + rows) * step, 0, REACH * step);
}

/** Adds up 1 − SSIM of the windows that end in a strip's rows, and leaves the derivatives of the rows in which they begin; in an image's last strip, of all that are left. */
export function ssim(): void {
  const length = strip.length;
  const above = strip.first ? 0 : REACH;
  const all = above + strip.rows;
  const rows = all - REACH;
  if (strip.narrow) pairAndBlur<f32>(above);
  else pairAndBlur<f64>(above);
  strip.sum = 0;
  strip.rest = 0;
  if (strip.grad) {
    windows.compare(rows, true);
    giveBack(rows);
    const left = strip.last ? all : rows;
    if (strip.narrow) windows.collect<f32>(left);
    else windows.collect<f64>(left);
    memory.copy(strip.pixels, strip.pixels + rows * length * 16, REACH * length * 16);
    memory.copy(strip.returned, strip.returned + rows * length * PAIR, REACH * length * PAIR);
  } else {
    windows.compare(rows, false);
  }
  const width = length - REACH * strip.channels;
  memory.copy(strip.blurred, strip.blurred + rows * width * PAIR, REACH * width * PAIR);
}
