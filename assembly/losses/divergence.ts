/** Losses of distributions, a row each. */
import { request } from "../batch";
import { panels, Tally } from "../group";
import { lanes } from "../lanes";
import { math } from "../math";
import { RowLoss } from "../rowLoss";
import { Softmax, Targets } from "../softmax";
import { GRAD, HESS } from "../want";

const softmax = changetype<Softmax>(memory.data(offsetof<Softmax>(), 16));
const targets = changetype<Targets>(memory.data(offsetof<Targets>(), 16));

/** −Σ τ_c log p_c with p = softmax(x), τ_c = w_c((1 − s) y_c + s/C). Bridle (1990). */
@unmanaged
export class SoftmaxCrossEntropy extends RowLoss {
  /** 1 − s; s/C. */
  keep: v128;
  spread: v128;
  /** Labels as they are: of τ, one entry a row. */
  plain: bool;

  prepare(labelSmoothing: f64): void {
    this.keep = lanes.all(<real>(1 - labelSmoothing));
    this.spread = lanes.all(<real>(labelSmoothing / <f64>request.length));
    this.plain = request.labels != 0 && labelSmoothing == 0;
    if (this.plain) {
      panels.setByLabel();
      panels.leave();
    } else if (request.first) this.openWeights();
  }

  /** Puts w into a panel: 1 where there is none, 0 in the padding. */
  openWeights(): void {
    const panel = panels.at(3);
    memory.fill(panel, 0, panels.end(panel) - panel);
    for (let k = 0; k < request.length; k++) {
      const weight: real = request.classWeights ? load<real>(request.classWeights + k * sizeof<real>()) : 1;
      for (let lane = 0; lane < panels.lanes(); lane++) store<real>(panels.entry(panel, lane, k), weight);
    }
  }

  @inline padding(): real {
    return -Infinity;
  }

  @inline targetPadding(): real {
    return 0;
  }

  row(): v128 {
    const panel = panels.at(0);
    softmax.find(panel, panels.most());
    const x = this.plain ? panels.own(panels.standing()) : lanes.zero();
    if (!this.plain) this.readTargets(panel);
    softmax.exponentials();
    return this.plain ? this.ofLabels(panel, x) : this.ofTargets(panel);
  }

  /** (peak − x) + log Σ e^(x − peak), x the label's; its weight is the row's. */
  @inline ofLabels(panel: usize, x: v128): v128 {
    if (request.want & GRAD) {
      // p − 1, of a lone largest by what it leaves to the others.
      const u = panels.own(panel);
      const lone = v128.and(f.eq(x, softmax.peak), f.eq(u, softmax.lone));
      const own = lanes.choose(lone, f.sub(lanes.zero(), softmax.rest), f.sub(u, softmax.sum));
      if (request.want & HESS) softmax.hess(panel, panels.at(2));
      panels.setOwn(f.mul(own, softmax.divide(panels.factor())));
    }
    return f.add(f.sub(softmax.peak, x), softmax.log);
  }

  /** Puts τ into the targets' panel. */
  readTargets(logits: usize): void {
    const panel = panels.at(1);
    const end = panels.end(panel);
    if (request.labels) {
      memory.fill(panel, 0, end - panel);
      for (let lane = 0; lane < panels.lanes(); lane++) store<real>(panels.entry(panel, lane, panels.label(lane)), 1);
    }
    const weights = panels.at(3);
    for (let at = panel; at < end; at += 16) {
      const target = f.add(f.mul(this.keep, v128.load(at)), this.spread);
      v128.store(at, f.mul(v128.load(weights + (at - panel)), target));
    }
    targets.read(softmax, logits, panel);
  }

  /** With T taken out of τ, as if it were the row's weight: what is one-hot has the results of its label. */
  ofTargets(logits: usize): v128 {
    const known = f.lt(f.abs(targets.sum), lanes.all(Infinity));
    const unit = lanes.choose(v128.and(known, f.ne(targets.sum, lanes.zero())), targets.sum, lanes.one());
    panels.weigh(unit);
    if (request.want & GRAD) {
      if (request.want & HESS) softmax.hess(logits, panels.at(2));
      targets.grad(softmax, logits, panels.at(1));
      softmax.divide(lanes.where(f.ne(targets.sum, lanes.zero()), panels.factor()));
    }
    return f.add(f.div(targets.far, unit), f.mul(f.div(targets.sum, unit), softmax.log));
  }
}

/** How near q is to p where log(q/p) is taken by their difference; the least and the largest quotient with all its digits. */
const NEAR = memory.data<f64>([0.25, 1e-300, 1e300]);

const plainTally = changetype<Tally>(memory.data(offsetof<Tally>(), 16));
const sizeTally = changetype<Tally>(memory.data(offsetof<Tally>(), 16));
const termTally = changetype<Tally>(memory.data(offsetof<Tally>(), 16));
const gapTally = changetype<Tally>(memory.data(offsetof<Tally>(), 16));

/**
 * Σ p log(p/q) twice: as it stands, and as Σ (p log(p/q) − p + q) + Σ (p − q), whose terms are never below 0 and small where p is near
 * q. The one that adds up less has the smaller error.
 */
@unmanaged
class Sums {
  /** Of a block: Σ p log(q/p), Σ |p log(q/p)|, Σ (p log(p/q) − p + q), and what its gaps lack. */
  plain: v128;
  size: v128;
  terms: v128;
  lost: v128;

  open(): void {
    plainTally.open();
    sizeTally.open();
    termTally.open();
    gapTally.open();
    this.clear();
  }

  @inline clear(): void {
    this.plain = lanes.zero();
    this.size = lanes.zero();
    this.terms = lanes.zero();
    this.lost = lanes.zero();
  }

  /** Of p, q and v = log(q/p), with e^v − 1 − v where v is small. */
  @inline add(p: v128, q: v128, v: v128, small: v128, tail: v128): void {
    const counts = f.ne(p, lanes.zero());
    const own = lanes.orNaN(lanes.where(counts, f.mul(p, v)), q);
    const term = f.sub(f.sub(q, p), own);
    this.plain = f.add(this.plain, own);
    this.size = f.add(this.size, f.abs(own));
    this.addTerm(lanes.choose(v128.and(small, counts), f.mul(p, tail), term));
  }

  @inline addTerm(term: v128): void {
    this.terms = f.add(this.terms, term);
  }

  /** What p and q differ by must not be rounded: it may be much more than the sum. */
  @inline addGap(gap: v128): void {
    gapTally.add(gap);
  }

  /** What a gap lacks; one of f32 numbers lacks nothing that counts. */
  @inline addLost(lost: v128): void {
    this.lost = f.add(this.lost, lost);
  }

  /** Ends a block. */
  @inline close(): void {
    gapTally.add(this.lost);
    plainTally.add(this.plain);
    sizeTally.add(this.size);
    termTally.add(this.terms);
    this.clear();
  }

  /** The terms alone, where p and q have one sum. */
  @inline positive(): v128 {
    return termTally.total(0);
  }

  /** The sum; `less` is to be taken from the gap. */
  total(less: f64): v128 {
    const gap = gapTally.total(less);
    const terms = termTally.total(0);
    const better = f.lt(f.add(terms, f.abs(gap)), sizeTally.total(0));
    return lanes.choose(better, f.add(terms, gap), f.sub(lanes.zero(), plainTally.total(0)));
  }
}

const sums = changetype<Sums>(memory.data(offsetof<Sums>(), 16));

/** Σ p log(p/q), q = max(x, ε). Kullback and Leibler (1951). */
@unmanaged
export class KlDivergence extends RowLoss {
  epsilon: v128;

  prepare(epsilon: f64): void {
    this.epsilon = lanes.all(<real>epsilon);
  }

  @inline padding(): real {
    return 0;
  }

  @inline targetPadding(): real {
    return 0;
  }

  row(): v128 {
    const panel = panels.at(0);
    const target = panels.at(1);
    const end = panels.end(panel);
    sums.open();
    let at = panel;
    while (at < end) {
      const stop = min(at + panels.block(), end);
      for (; at < stop; at += 16) this.entry(at, target + (at - panel));
      sums.close();
    }
    return sums.total(0);
  }

  @inline entry(at: usize, target: usize): void {
    const x = v128.load(at);
    const p = v128.load(target);
    const counts = v128.or(f.ne(p, lanes.zero()), f.ne(x, x));
    const q = lanes.where(counts, f.pmax(x, this.epsilon));
    const gap = f.sub(p, q);
    const inverse = f.div(lanes.one(), p);
    const t = f.neg(f.mul(gap, inverse));
    const quotient = f.mul(q, inverse);
    // log(q/p) by what q and p differ by where that is little; one logarithm for both ways.
    const small = f.lt(f.abs(t), lanes.at(NEAR, 0));
    const bits = math.logBits(quotient);
    const rest = lanes.choose(small, t, math.logRest(bits));
    const tail = math.logTail(rest);
    let v = math.logSum(v128.andnot(math.logTurns(bits, quotient), small), rest, tail);
    const normal = v128.and(f.gt(quotient, lanes.at(NEAR, 1)), f.lt(quotient, lanes.at(NEAR, 2)));
    if (!i32x4.all_true(v128.or(normal, f.eq(p, lanes.zero())))) {
      const far = lanes.choose(f.eq(q, lanes.all(Infinity)), q, f.sub(math.log(q), math.log(p)));
      v = lanes.choose(normal, v, far);
    }
    sums.add(p, q, v, small, tail);
    sums.addGap(gap);
    if (!request.narrow) sums.addLost(math.sumError(p, f.neg(q), gap));
    if (!(request.want & GRAD)) return;
    const ratio = f.div(p, q);
    if (request.want & HESS) {
      const square = f.mul(q, q);
      const whole = v128.and(f.gt(square, lanes.at(NEAR, 1)), f.lt(square, lanes.at(NEAR, 2)));
      const bend = lanes.choose(whole, f.div(p, square), f.div(ratio, q));
      v128.store(panels.at(2) + (at - panels.at(0)), lanes.where(counts, bend));
    }
    v128.store(at, f.neg(lanes.where(counts, ratio)));
  }
}

/** Losses of x − peak, which takes two numbers: what it rounds to and what that takes from it. */
@unmanaged
abstract class Shifted extends RowLoss {
  /** Puts (x − peak)/T in the place of a panel, with what that lacks in another. */
  shift(whose: Softmax, most: v128, panel: usize, lost: usize, temperature: v128): void {
    whose.find(panel, most);
    const end = panels.end(panel);
    const peak = f.neg(whose.peak);
    for (let at = panel; at < end; at += 16) {
      const x = v128.load(at);
      const d = f.add(x, peak);
      const z = f.div(d, temperature);
      const product = f.mul(z, temperature);
      const residue = f.sub(f.sub(d, product), math.productError(z, temperature, product));
      const rest = f.div(f.add(residue, math.sumError(x, peak, d)), temperature);
      v128.store(at, z);
      // Where e^z is 0, this may be no number.
      v128.store(lost + (at - panel), lanes.where(f.gt(z, lanes.all(-1000)), rest));
    }
    whose.peak = f.mul(whose.peak, lanes.zero());
  }

  @inline padding(): real {
    return -Infinity;
  }
}

/** Σ p log(p/q), q = softmax(x). Kullback and Leibler (1951). */
@unmanaged
export class KlDivergenceWithLogits extends Shifted {
  prepare(_a: f64): void {}

  @inline targetPadding(): real {
    return 0;
  }

  row(): v128 {
    const logits = panels.at(0);
    const target = panels.at(1);
    const ratio = panels.at(2);
    const lost = panels.at(3);
    const end = panels.end(logits);
    this.shift(softmax, panels.most(), logits, lost, lanes.one());
    sums.open();
    for (let at: usize = 0; at < end - logits; at += 16) {
      const p = v128.load(target + at);
      const z = v128.load(logits + at);
      v128.store(ratio + at, f.add(f.sub(z, math.log(p)), v128.load(lost + at)));
      sums.addGap(p);
    }
    if (request.want & GRAD) targets.read(softmax, logits, target);
    softmax.exponentialsFine(logits, lost);
    const scale = f.div(lanes.one(), softmax.sum);
    let at: usize = 0;
    while (at < end - logits) {
      const stop = min(at + panels.block(), end - logits);
      for (; at < stop; at += 16) {
        const v = f.sub(v128.load(ratio + at), softmax.log);
        const q = f.mul(v128.load(logits + at), scale);
        sums.add(v128.load(target + at), q, v, math.isSmall(v), math.expTail(v));
      }
      sums.close();
    }
    if (request.want & GRAD) {
      if (request.want & HESS) softmax.hess(logits, ratio);
      targets.grad(softmax, logits, target);
      softmax.divide(f.mul(panels.factor(), targets.sum));
    }
    // Σ q is 1: of the gap there is only Σ p to add up.
    return sums.total(1);
  }
}

const teacher = changetype<Softmax>(memory.data(offsetof<Softmax>(), 16));

/** T² Σ p log(p/q), p = softmax(y/T), q = softmax(x/T). Hinton et al. (2015). */
@unmanaged
export class Distillation extends Shifted {
  temperature: v128;

  prepare(temperature: f64): void {
    this.temperature = lanes.all(<real>temperature);
  }

  @inline targetPadding(): real {
    return -Infinity;
  }

  row(): v128 {
    const logits = panels.at(0);
    const target = panels.at(1);
    const ratio = panels.at(2);
    const lost = panels.at(3);
    const targetLost = panels.at(4);
    const end = panels.end(logits);
    this.shift(softmax, panels.most(), logits, lost, this.temperature);
    this.shift(teacher, panels.targetMost(), target, targetLost, this.temperature);
    for (let at: usize = 0; at < end - logits; at += 16) {
      const v = f.sub(v128.load(logits + at), v128.load(target + at));
      v128.store(ratio + at, f.add(v, f.sub(v128.load(lost + at), v128.load(targetLost + at))));
    }
    softmax.exponentialsFine(logits, lost);
    teacher.exponentialsFine(target, targetLost);
    const more = this.logQuotient(ratio, target);
    const scale = f.div(lanes.one(), softmax.sum);
    const targetScale = f.div(lanes.one(), teacher.sum);
    // T times as much, before any of it is subnormal.
    const steep = f.div(this.temperature, softmax.sum);
    const targetSteep = f.div(this.temperature, teacher.sum);
    sums.open();
    let at: usize = 0;
    while (at < end - logits) {
      const stop = min(at + panels.block(), end - logits);
      for (; at < stop; at += 16) {
        const v = f.sub(v128.load(ratio + at), more);
        const u = v128.load(logits + at);
        const targetU = v128.load(target + at);
        const q = f.mul(u, scale);
        const p = f.mul(targetU, targetScale);
        sums.add(p, q, v, math.isSmall(v), math.expTail(v));
        // Where both are sure of one class, by what they leave to the others.
        const lone = v128.and(f.eq(u, softmax.lone), f.eq(targetU, teacher.lone));
        const own = lanes.choose(lone, f.neg(softmax.rest), u);
        const targetOwn = lanes.choose(lone, f.neg(teacher.rest), targetU);
        if (request.want & HESS) {
          v128.store(ratio + at, softmax.both(u, scale, scale));
        }
        v128.store(logits + at, f.sub(f.mul(own, steep), f.mul(targetOwn, targetSteep)));
      }
      sums.close();
    }
    return f.mul(f.mul(this.temperature, sums.positive()), this.temperature);
  }

  /**
   * log Σ e^(x − peak) less the teacher's; where all differences d of logits are small, as log(1 + Σ p (e^d − 1)), which keeps more
   * digits than the two logarithms have.
   */
  logQuotient(differences: usize, target: usize): v128 {
    const end = panels.end(differences);
    const scale = f.div(lanes.one(), teacher.sum);
    let sum = lanes.zero();
    let large = lanes.zero();
    for (let at = differences; at < end; at += 16) {
      const d = v128.load(at);
      // Where both are −∞, and in the padding, no number.
      const counts = f.eq(d, d);
      large = v128.or(large, v128.andnot(counts, math.isSmall(d)));
      const p = f.mul(v128.load(target + (at - differences)), scale);
      sum = f.add(sum, lanes.where(counts, f.mul(p, f.add(d, math.expTail(d)))));
    }
    const t = panels.sum(sum);
    return lanes.choose(panels.any(large), f.sub(softmax.log, teacher.log), f.sub(t, math.logTail(t)));
  }
}

/** ½ Σ (μ² + e^l − 1 − l), μ the mean and l the log variance. Kingma and Welling (2014). */
@unmanaged
export class GaussianKl extends RowLoss {
  prepare(_a: f64): void {}

  @inline padding(): real {
    return 0;
  }

  @inline targetPadding(): real {
    return 0;
  }

  row(): v128 {
    const means = panels.at(0);
    const logs = panels.at(1);
    const end = panels.end(means);
    termTally.open();
    for (let at: usize = 0; at < end - means; at += 16) {
      const mean = v128.load(means + at);
      const l = v128.load(logs + at);
      // e^l = 2^k e^r; from l = 800 on all is infinite, from −800 on e^l is 0.
      const bounded = lanes.clip(l, lanes.all(800));
      const turns = math.turns(bounded);
      const k = math.count(turns);
      const r = math.remainder(bounded, turns);
      const tail = math.expTail(r);
      const expm1 = f.add(r, tail);
      const halfTurns = i.sub(turns, i64x2.splat(1));
      const half = math.scale(lanes.one(), halfTurns);
      const halfExp = math.scale(f.add(lanes.one(), expm1), halfTurns);
      const large = f.gt(k, lanes.all(60));
      const less = f.sub(half, lanes.half());
      // ½ (e^l − 1 − l): each term is small where l is.
      const near = f.add(
        f.mul(half, tail),
        f.add(f.mul(less, r), f.sub(less, f.mul(k, lanes.all(<real>0.34657359027997264)))),
      );
      const far = f.sub(f.sub(halfExp, lanes.half()), f.mul(lanes.half(), bounded));
      const deep = f.lt(l, lanes.all(-60));
      const excess = lanes.choose(large, far, lanes.choose(deep, f.sub(lanes.all(-0.5), f.mul(lanes.half(), l)), near));
      termTally.add(f.add(f.mul(f.mul(lanes.half(), mean), mean), excess));
      const slope = lanes.choose(large, f.sub(halfExp, lanes.half()), f.add(f.mul(half, expm1), less));
      if (request.want & HESS) {
        v128.store(panels.at(2) + at, lanes.orNaN(lanes.one(), mean));
        v128.store(panels.at(3) + at, halfExp);
      }
      v128.store(logs + at, slope);
    }
    return termTally.total(0);
  }
}
