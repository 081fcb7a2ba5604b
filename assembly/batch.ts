/** What a request is, and the only element-wise loop. */
import { LANES, lanes } from "./lanes";
import { Loss } from "./loss";
import { EACH, GRAD, HESS, ROUND, SUM, WEIGHTED } from "./want";

/** Filled in by JavaScript, field by field in this order; what is added up comes back. */
@unmanaged
export class Request {
  want: i32;
  n: i32;
  /** For `runWide`: 1 where the arrays are f32. */
  narrow: i32;
  prediction: usize;
  target: usize;
  weights: usize;
  value: usize;
  grad: usize;
  hess: usize;
  /** For rows, of which there are `n`: their length; class indices, i32, −1 of a row that does not count, or 0; weights of the classes, or 0. */
  length: i32;
  labels: usize;
  classWeights: usize;
  /** Derivatives by the other array. */
  gradOther: usize;
  hessOther: usize;
  /** Room for the rows under way. */
  panels: usize;
  /** 1 in the first of a call's rounds. */
  first: i32;
  a: f64;
  b: f64;
  c: f64;
  scale: f64;
  unit: f64;
  /** Of a round. */
  sum: f64;
  rest: f64;
  /** Of all rounds since JavaScript set them to 0. */
  total: f64;
  lost: f64;
}

export const request = changetype<Request>(memory.data(offsetof<Request>(), 16));

/** Where the request lies, for JavaScript. */
export const REQUEST: usize = changetype<usize>(request);

/** Where the one loss of a run keeps its fields. */
const FIELDS = memory.data(512, 16);

/**
 * Elements of a block. f32 losses are added in pairs, the pairs in f64: a sum is off by 2^-24 of itself at most, however long the array.
 * f64 losses: within a block a lane adds at most 16 numbers and three additions end it: 19 units of 2^-53 at the very most.
 */
const BLOCK: i32 = sizeof<real>() == 4 ? 512 : 32;

/** The last, partial step: outputs go here first, so that no byte outside the arrays is written. */
const tail = changetype<Request>(memory.data(offsetof<Request>(), 16));
const TAIL_WEIGHTS = memory.data(64, 16);
const TAIL_VALUE = memory.data(64, 16);
const TAIL_GRAD = memory.data(64, 16);
const TAIL_HESS = memory.data(64, 16);
const MOST: i32 = 4 * LANES;

/** Vectors that go side by side, so that chains of additions overlap and constants are shared; in f64 one will do where there is more to do. */
@unmanaged
class side {
  @inline static vectors<L extends Loss>(): i32 {
    return changetype<L>(0).light() ? 4 : LANES == 4 ? 2 : 1;
  }

  @inline static elements<L extends Loss>(): i32 {
    return LANES * side.vectors<L>();
  }
}

/** A loss L over arrays of E: those of the build, or f32 under f64 arithmetic. */
@unmanaged
export class batch {
  @inline static narrow<E>(): bool {
    return sizeof<E>() < sizeof<real>();
  }

  @inline static load<E>(from: usize): v128 {
    return batch.narrow<E>() ? f64x2.promote_low_f32x4(v128.load64_zero(from)) : v128.load(from);
  }

  @inline static store<E>(to: usize, x: v128): void {
    if (batch.narrow<E>()) v128.store64_lane(to, f32x4.demote_f64x2_zero(x), 0);
    else v128.store(to, x);
  }

  /** The vector at `x`: stores what is wanted of it and returns its losses. */
  @inline static vector<L extends Loss, E>(want: i32, x: usize, y: usize, grad: usize, hess: usize, scale: v128): v128 {
    const loss = changetype<L>(FIELDS);
    const prediction = batch.load<E>(x);
    const target = batch.load<E>(y);
    const shared = loss.shared(prediction, target);
    const own = want & SUM ? loss.value(shared, prediction, target) : shared;
    if (want & HESS) batch.store<E>(hess, f.mul(scale, loss.hess(shared, prediction, target, scale)));
    if (want & GRAD) batch.store<E>(grad, f.mul(scale, loss.grad(shared, prediction, target)));
    return own;
  }

  /** The first two lanes of a vector of losses in f64. */
  @inline static low(own: v128): v128 {
    return sizeof<real>() == 8 ? own : f64x2.promote_low_f32x4(own);
  }

  /** The last two, where there are four. */
  @inline static high(own: v128): v128 {
    return f64x2.promote_low_f32x4(i32x4.shuffle(own, own, 2, 3, 2, 3));
  }

  /** Two losses times their weights. */
  @inline static weighed<E>(two: v128, w: usize): v128 {
    const weights = sizeof<E>() == 8 ? v128.load(w) : f64x2.promote_low_f32x4(v128.load64_zero(w));
    return f64x2.mul(f64x2.mul(two, f64x2.splat(request.unit)), weights);
  }

  /** Adds a block's sum to the request's, and what that addition rounds away to its rest. Knuth (1969), two-sum. */
  @inline static close(block: f64): void {
    const sum = request.sum;
    const next = sum + block;
    const added = next - sum;
    request.rest += sum - (next - added) + (block - added);
    request.sum = next;
  }

  /** Adds the round to the total. Both may be infinite; the rest of an infinite sum is no number. */
  static finish(): void {
    const sum = request.sum;
    const round = sum - sum == 0 ? sum + request.rest : sum;
    const total = request.total;
    const next = total + round;
    const added = next - total;
    request.lost = next - next == 0 ? request.lost + (total - (next - added) + (round - added)) : 0;
    request.total = next;
  }

  /** Of elements that all count alike: `want` is a literal, and Binaryen folds what is not asked for. */
  @inline static sweep<L extends Loss, E>(want: i32, at: Request, from: i32, n: i32): void {
    const before = from * sizeof<E>();
    let x = at.prediction + before;
    let y = at.target + before;
    let grad = at.grad + before;
    let hess = at.hess + before;
    const one = LANES * sizeof<E>();
    const two = 2 * one;
    const three = 3 * one;
    const all = side.elements<L>() * sizeof<E>();
    const more = side.vectors<L>() > 1;
    const four = side.vectors<L>() == 4;
    const scale = lanes.all(<real>request.scale);
    const end = x + n * sizeof<E>();
    while (x < end) {
      const stop = x + min<usize>(BLOCK * sizeof<E>(), end - x);
      let s0 = lanes.zero();
      let s1 = lanes.zero();
      do {
        const first = batch.vector<L, E>(want, x, y, grad, hess, scale);
        let second = first;
        if (more) second = batch.vector<L, E>(want, x + one, y + one, grad + one, hess + one, scale);
        let third = first;
        let fourth = first;
        if (four) {
          third = batch.vector<L, E>(want, x + two, y + two, grad + two, hess + two, scale);
          fourth = batch.vector<L, E>(want, x + three, y + three, grad + three, hess + three, scale);
        }
        if (want & SUM && LANES == 4) {
          // One rounding to 24 bits, and half as many conversions to f64.
          const pair = f.add(first, second);
          s0 = f64x2.add(s0, batch.low(pair));
          s1 = f64x2.add(s1, batch.high(pair));
          if (four) {
            const other = f.add(third, fourth);
            s0 = f64x2.add(s0, batch.low(other));
            s1 = f64x2.add(s1, batch.high(other));
          }
        }
        if (want & SUM && LANES == 2) {
          s0 = f64x2.add(s0, first);
          if (more) s1 = f64x2.add(s1, second);
          if (four) s0 = f64x2.add(s0, third);
          if (four) s1 = f64x2.add(s1, fourth);
        }
        x += all;
        y += all;
        if (want & GRAD) grad += all;
        if (want & HESS) hess += all;
      } while (x < stop);
      if (want & SUM) batch.end(s0, s1);
    }
  }

  /**
   * Of elements that are weighted, or whose losses are kept: found out for every vector, as a loop for each of the cases would make the
   * binaries twice as large. The literal says which derivatives there are.
   */
  @inline static sweepSome<L extends Loss, E>(literal: i32, want: i32, at: Request, from: i32, n: i32): void {
    const loss = changetype<L>(FIELDS);
    const before = from * sizeof<E>();
    let x = at.prediction + before;
    let y = at.target + before;
    let w = at.weights + before;
    let value = at.value + before;
    let grad = at.grad + before;
    let hess = at.hess + before;
    const one = LANES * sizeof<E>();
    const scale = lanes.all(<real>request.scale);
    const end = x + n * sizeof<E>();
    while (x < end) {
      const stop = x + min<usize>(BLOCK * sizeof<E>(), end - x);
      let s0 = lanes.zero();
      let s1 = lanes.zero();
      do {
        const prediction = batch.load<E>(x);
        const target = batch.load<E>(y);
        const shared = loss.shared(prediction, target);
        let weight = lanes.one();
        if (want & WEIGHTED) weight = f.mul(batch.load<E>(w), lanes.all(<real>request.unit));
        const counts = f.ne(weight, lanes.zero());
        const factor = f.mul(weight, scale);
        if (want & (SUM | EACH)) {
          const own = lanes.where(counts, loss.value(shared, prediction, target));
          if (want & EACH) batch.store<E>(value, f.mul(weight, own));
          else {
            s0 = f64x2.add(s0, batch.weighed<E>(batch.low(own), w));
            if (LANES == 4) s1 = f64x2.add(s1, batch.weighed<E>(batch.high(own), w + 8));
          }
        }
        if (literal & HESS) {
          const second = f.mul(factor, loss.hess(shared, prediction, target, factor));
          batch.store<E>(hess, lanes.where(counts, second));
        }
        if (literal & GRAD) {
          const first = f.mul(factor, loss.grad(shared, prediction, target));
          batch.store<E>(grad, lanes.where(counts, first));
        }
        x += one;
        y += one;
        w += one;
        value += one;
        if (literal & GRAD) grad += one;
        if (literal & HESS) hess += one;
      } while (x < stop);
      if (want & SUM) batch.end(s0, s1);
    }
  }

  @inline static end(s0: v128, s1: v128): void {
    const sums = f64x2.add(s0, s1);
    batch.close(f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1));
  }
}

function pass<L extends Loss, E>(want: i32, at: Request, from: i32, n: i32): void {
  if (want & (EACH | WEIGHTED)) {
    if (want & HESS) return batch.sweepSome<L, E>(GRAD | HESS, want, at, from, n);
    if (want & GRAD) return batch.sweepSome<L, E>(GRAD, want, at, from, n);
    return batch.sweepSome<L, E>(0, want, at, from, n);
  }
  switch (want) {
    case SUM:
      return batch.sweep<L, E>(SUM, at, from, n);
    case GRAD:
      return batch.sweep<L, E>(GRAD, at, from, n);
    case SUM | GRAD:
      return batch.sweep<L, E>(SUM | GRAD, at, from, n);
    case SUM | GRAD | HESS:
      return batch.sweep<L, E>(SUM | GRAD | HESS, at, from, n);
    default:
      unreachable();
  }
}

/** Carries the request out, round by round. */
export function run<L extends Loss, E>(): void {
  if (offsetof<L>() > 512) ERROR("a loss has more fields than there is room for");
  changetype<L>(FIELDS).prepare(request.a, request.b, request.c);
  for (let from = 0; from < request.n; from += ROUND) round<L, E>(from, min(ROUND, request.n - from));
}

/** The last elements, fewer than a step, are a weighted run whose padding weighs nothing. */
function round<L extends Loss, E>(from: i32, n: i32): void {
  request.sum = 0;
  request.rest = 0;
  const whole = n & ~(side.elements<L>() - 1);
  if (whole) pass<L, E>(request.want, request, from, whole);
  if (LANES == 4 && request.sum == Infinity) sumAgain<L, E>(from, whole);
  if (whole < n) {
    openTail<E>(from + whole, n - whole);
    pass<L, E>(request.want | WEIGHTED, tail, 0, side.elements<L>());
    closeTail<E>(from + whole, n - whole);
  }
  batch.finish();
}

/** Two losses may be finite where their f32 sum is not: as weighted runs, which add in f64 alone. */
function sumAgain<L extends Loss, E>(from: i32, n: i32): void {
  request.sum = 0;
  request.rest = 0;
  for (let k = from; k < from + n; k += side.elements<L>()) {
    openTail<E>(k, side.elements<L>());
    pass<L, E>((request.want & SUM) | WEIGHTED, tail, 0, side.elements<L>());
  }
}

/** The same in an f64 build for arrays of either type: a loss for which f32 arithmetic would not do. */
export function runWide<L extends Loss>(): void {
  if (request.narrow) run<L, f32>();
  else run<L, f64>();
}

/** A step's worth of the elements from `from` on, up to the round's end. */
function openTail<E>(from: i32, n: i32): void {
  const before = from * sizeof<E>();
  tail.prediction = request.prediction + before;
  tail.target = request.target + before;
  tail.weights = TAIL_WEIGHTS;
  tail.value = TAIL_VALUE;
  tail.grad = TAIL_GRAD;
  tail.hess = TAIL_HESS;
  for (let k = 0; k < MOST; k++) {
    const at = k * sizeof<E>();
    let weight: E = k < n ? 1 : 0;
    if (k < n && request.want & WEIGHTED) weight = load<E>(request.weights + before + at);
    store<E>(TAIL_WEIGHTS + at, weight);
  }
}

function closeTail<E>(from: i32, n: i32): void {
  const before = from * sizeof<E>();
  for (let k = 0; k < n; k++) {
    const at = k * sizeof<E>();
    if (request.want & EACH) store<E>(request.value + before + at, load<E>(TAIL_VALUE + at));
    if (request.want & GRAD) store<E>(request.grad + before + at, load<E>(TAIL_GRAD + at));
    if (request.want & HESS) store<E>(request.hess + before + at, load<E>(TAIL_HESS + at));
  }
}
