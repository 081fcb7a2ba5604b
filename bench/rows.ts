/**
 * The losses of rows as a careful engineer writes them: the maximum first, each exp once and kept in the gradient's place, no allocation;
 * the mean over rows.
 */

/** `G` is what a derivative is written into. */
export interface Careful<T, G> {
  value(x: Float32Array, y: T, classes: number): number;
  valueAndGrad(x: Float32Array, y: T, grad: G, classes: number): number;
  valueGradHess(x: Float32Array, y: T, grad: G, hess: G, classes: number): number;
}

export const temperature = 2;

function maximum(x: Float32Array, first: number, end: number): number {
  let max = x[first]!;
  for (let k = first + 1; k < end; k++) {
    const z = x[k]!;
    if (z > max) max = z;
  }
  return max;
}

/** Σ exp((x − max) · factor). */
function sumOfExps(x: Float32Array, first: number, end: number, max: number, factor: number): number {
  let sum = 0;
  for (let k = first; k < end; k++) sum += Math.exp((x[k]! - max) * factor);
  return sum;
}

/** The same, each term kept in `exps`, from `to` on. */
function keepExps(
  x: Float32Array,
  first: number,
  end: number,
  max: number,
  factor: number,
  exps: Float32Array,
  to: number,
): number {
  let sum = 0;
  for (let k = first; k < end; k++) {
    const u = Math.exp((x[k]! - max) * factor);
    exps[to + k - first] = u;
    sum += u;
  }
  return sum;
}

const softmaxCrossEntropy: Careful<Int32Array, Float32Array> = {
  value(x, labels, classes) {
    const rows = labels.length;
    const share = 1 / rows;
    let total = 0;
    for (let row = 0; row < rows; row++) {
      const first = row * classes;
      const max = maximum(x, first, first + classes);
      const sum = sumOfExps(x, first, first + classes, max, 1);
      total += Math.log(sum) + max - x[first + labels[row]!]!;
    }
    return total * share;
  },
  valueAndGrad(x, labels, grad, classes) {
    const rows = labels.length;
    const share = 1 / rows;
    let total = 0;
    for (let row = 0; row < rows; row++) {
      const first = row * classes;
      const end = first + classes;
      const max = maximum(x, first, end);
      const sum = keepExps(x, first, end, max, 1, grad, first);
      const right = first + labels[row]!;
      total += Math.log(sum) + max - x[right]!;
      const scale = share / sum;
      for (let k = first; k < end; k++) grad[k] = grad[k]! * scale;
      grad[right] = grad[right]! - share;
    }
    return total * share;
  },
  valueGradHess(x, labels, grad, hess, classes) {
    const rows = labels.length;
    const share = 1 / rows;
    let total = 0;
    for (let row = 0; row < rows; row++) {
      const first = row * classes;
      const end = first + classes;
      const max = maximum(x, first, end);
      const sum = keepExps(x, first, end, max, 1, grad, first);
      const right = first + labels[row]!;
      total += Math.log(sum) + max - x[right]!;
      const inverse = 1 / sum;
      for (let k = first; k < end; k++) {
        const p = grad[k]! * inverse;
        const part = p * share;
        grad[k] = part;
        hess[k] = part * (1 - p);
      }
      grad[right] = grad[right]! - share;
    }
    return total * share;
  },
};

const epsilon = 1e-7;

const klDivergence: Careful<Float32Array, Float32Array> = {
  value(x, y, classes) {
    const n = x.length;
    let total = 0;
    for (let k = 0; k < n; k++) {
      const p = y[k]!;
      if (p > 0) total += p * Math.log(p / Math.max(x[k]!, epsilon));
    }
    return (total * classes) / n;
  },
  valueAndGrad(x, y, grad, classes) {
    const n = x.length;
    const share = classes / n;
    let total = 0;
    for (let k = 0; k < n; k++) {
      const p = y[k]!;
      const ratio = p / Math.max(x[k]!, epsilon);
      if (p > 0) total += p * Math.log(ratio);
      grad[k] = -ratio * share;
    }
    return total * share;
  },
  valueGradHess(x, y, grad, hess, classes) {
    const n = x.length;
    const share = classes / n;
    let total = 0;
    for (let k = 0; k < n; k++) {
      const p = y[k]!;
      const q = Math.max(x[k]!, epsilon);
      const ratio = p / q;
      if (p > 0) total += p * Math.log(ratio);
      grad[k] = -ratio * share;
      hess[k] = (ratio / q) * share;
    }
    return total * share;
  },
};

const klDivergenceWithLogits: Careful<Float32Array, Float32Array> = {
  value(x, y, classes) {
    const rows = x.length / classes;
    const share = 1 / rows;
    let total = 0;
    for (let row = 0; row < rows; row++) {
      const first = row * classes;
      const end = first + classes;
      const max = maximum(x, first, end);
      let sum = 0;
      let mass = 0;
      for (let k = first; k < end; k++) {
        const p = y[k]!;
        const z = x[k]! - max;
        sum += Math.exp(z);
        mass += p;
        if (p > 0) total += p * (Math.log(p) - z);
      }
      total += mass * Math.log(sum);
    }
    return total * share;
  },
  valueAndGrad(x, y, grad, classes) {
    const rows = x.length / classes;
    const share = 1 / rows;
    let total = 0;
    for (let row = 0; row < rows; row++) {
      const first = row * classes;
      const end = first + classes;
      const max = maximum(x, first, end);
      let sum = 0;
      let mass = 0;
      for (let k = first; k < end; k++) {
        const p = y[k]!;
        const z = x[k]! - max;
        const u = Math.exp(z);
        grad[k] = u;
        sum += u;
        mass += p;
        if (p > 0) total += p * (Math.log(p) - z);
      }
      total += mass * Math.log(sum);
      const scale = (mass * share) / sum;
      for (let k = first; k < end; k++) grad[k] = grad[k]! * scale - y[k]! * share;
    }
    return total * share;
  },
  valueGradHess(x, y, grad, hess, classes) {
    const rows = x.length / classes;
    const share = 1 / rows;
    let total = 0;
    for (let row = 0; row < rows; row++) {
      const first = row * classes;
      const end = first + classes;
      const max = maximum(x, first, end);
      let sum = 0;
      let mass = 0;
      for (let k = first; k < end; k++) {
        const p = y[k]!;
        const z = x[k]! - max;
        const u = Math.exp(z);
        grad[k] = u;
        sum += u;
        mass += p;
        if (p > 0) total += p * (Math.log(p) - z);
      }
      total += mass * Math.log(sum);
      const inverse = 1 / sum;
      for (let k = first; k < end; k++) {
        const q = grad[k]! * inverse;
        const part = mass * q * share;
        grad[k] = part - y[k]! * share;
        hess[k] = part * (1 - q);
      }
    }
    return total * share;
  },
};

/** A teacher's row of exps. */
let teacher = new Float32Array(0);

function teacherRow(classes: number): Float32Array {
  if (teacher.length < classes) teacher = new Float32Array(classes);
  return teacher;
}

const distillation: Careful<Float32Array, Float32Array> = {
  value(x, y, classes) {
    const rows = x.length / classes;
    const share = 1 / rows;
    const cold = 1 / temperature;
    let total = 0;
    for (let row = 0; row < rows; row++) {
      const first = row * classes;
      const end = first + classes;
      const max = maximum(x, first, end);
      const maxTeacher = maximum(y, first, end);
      let sum = 0;
      let sumTeacher = 0;
      let cross = 0;
      for (let k = first; k < end; k++) {
        const z = (x[k]! - max) * cold;
        const t = (y[k]! - maxTeacher) * cold;
        const u = Math.exp(t);
        sum += Math.exp(z);
        sumTeacher += u;
        cross += u * (t - z);
      }
      total += cross / sumTeacher + Math.log(sum / sumTeacher);
    }
    return total * temperature * temperature * share;
  },
  valueAndGrad(x, y, grad, classes) {
    const rows = x.length / classes;
    const share = 1 / rows;
    const cold = 1 / temperature;
    const exps = teacherRow(classes);
    let total = 0;
    for (let row = 0; row < rows; row++) {
      const first = row * classes;
      const end = first + classes;
      const max = maximum(x, first, end);
      const maxTeacher = maximum(y, first, end);
      const sum = keepExps(x, first, end, max, cold, grad, first);
      const sumTeacher = keepExps(y, first, end, maxTeacher, cold, exps, 0);
      let cross = 0;
      const scale = (temperature * share) / sum;
      const scaleTeacher = (temperature * share) / sumTeacher;
      for (let k = first; k < end; k++) {
        const u = exps[k - first]!;
        cross += u * (y[k]! - maxTeacher - (x[k]! - max));
        grad[k] = grad[k]! * scale - u * scaleTeacher;
      }
      total += (cross * cold) / sumTeacher + Math.log(sum / sumTeacher);
    }
    return total * temperature * temperature * share;
  },
  valueGradHess(x, y, grad, hess, classes) {
    const rows = x.length / classes;
    const share = 1 / rows;
    const cold = 1 / temperature;
    let total = 0;
    for (let row = 0; row < rows; row++) {
      const first = row * classes;
      const end = first + classes;
      const max = maximum(x, first, end);
      const maxTeacher = maximum(y, first, end);
      const sum = keepExps(x, first, end, max, cold, grad, first);
      const sumTeacher = keepExps(y, first, end, maxTeacher, cold, hess, first);
      let cross = 0;
      const inverse = 1 / sum;
      const inverseTeacher = 1 / sumTeacher;
      for (let k = first; k < end; k++) {
        const u = hess[k]!;
        const q = grad[k]! * inverse;
        cross += u * (y[k]! - maxTeacher - (x[k]! - max));
        grad[k] = temperature * share * (q - u * inverseTeacher);
        hess[k] = q * (1 - q) * share;
      }
      total += (cross * cold) / sumTeacher + Math.log(sum / sumTeacher);
    }
    return total * temperature * temperature * share;
  },
};

export interface Gaussian {
  readonly mean: Float32Array;
  readonly logVariance: Float32Array;
}

const gaussianKl: Careful<Float32Array, Gaussian> = {
  value(mean, logVariance, latent) {
    const n = mean.length;
    let total = 0;
    for (let k = 0; k < n; k++) {
      const m = mean[k]!;
      const l = logVariance[k]!;
      total += m * m + Math.exp(l) - 1 - l;
    }
    return (0.5 * total * latent) / n;
  },
  valueAndGrad(mean, logVariance, grad, latent) {
    const n = mean.length;
    const share = latent / n;
    const byMean = grad.mean;
    const byLogVariance = grad.logVariance;
    let total = 0;
    for (let k = 0; k < n; k++) {
      const m = mean[k]!;
      const l = logVariance[k]!;
      const excess = Math.exp(l) - 1;
      total += m * m + excess - l;
      byMean[k] = m * share;
      byLogVariance[k] = 0.5 * excess * share;
    }
    return 0.5 * total * share;
  },
  valueGradHess(mean, logVariance, grad, hess, latent) {
    const n = mean.length;
    const share = latent / n;
    const byMean = grad.mean;
    const byLogVariance = grad.logVariance;
    const byMeanTwice = hess.mean;
    const byLogVarianceTwice = hess.logVariance;
    let total = 0;
    for (let k = 0; k < n; k++) {
      const m = mean[k]!;
      const l = logVariance[k]!;
      const variance = Math.exp(l);
      total += m * m + variance - 1 - l;
      byMean[k] = m * share;
      byLogVariance[k] = 0.5 * (variance - 1) * share;
      byMeanTwice[k] = share;
      byLogVarianceTwice[k] = 0.5 * variance * share;
    }
    return 0.5 * total * share;
  },
};

export const careful = { softmaxCrossEntropy, klDivergence, klDivergenceWithLogits, distillation, gaussianKl };
