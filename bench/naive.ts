/** The losses as most people write them: plain loops over arrays, a loop for each thing asked, the mean. */

interface Naive {
  value(x: Float32Array, y: Float32Array): number;
  valueAndGrad(x: Float32Array, y: Float32Array, grad: Float32Array): number;
  valueGradHess(x: Float32Array, y: Float32Array, grad: Float32Array, hess: Float32Array): number;
}

const mae: Naive = {
  value(x, y) {
    const n = x.length;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const e = x[i]! - y[i]!;
      sum += Math.abs(e);
    }
    return sum / n;
  },
  valueAndGrad(x, y, grad) {
    const n = x.length;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const e = x[i]! - y[i]!;
      sum += Math.abs(e);
      grad[i] = Math.sign(e) / n;
    }
    return sum / n;
  },
  valueGradHess(x, y, grad, hess) {
    const n = x.length;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const e = x[i]! - y[i]!;
      sum += Math.abs(e);
      grad[i] = Math.sign(e) / n;
      hess[i] = 0 / n;
    }
    return sum / n;
  },
};

const mse: Naive = {
  value(x, y) {
    const n = x.length;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const e = x[i]! - y[i]!;
      sum += e * e;
    }
    return sum / n;
  },
  valueAndGrad(x, y, grad) {
    const n = x.length;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const e = x[i]! - y[i]!;
      sum += e * e;
      grad[i] = (2 * e) / n;
    }
    return sum / n;
  },
  valueGradHess(x, y, grad, hess) {
    const n = x.length;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const e = x[i]! - y[i]!;
      sum += e * e;
      grad[i] = (2 * e) / n;
      hess[i] = 2 / n;
    }
    return sum / n;
  },
};

const rmse: Naive = {
  value(x, y) {
    return Math.sqrt(mse.value(x, y));
  },
  valueAndGrad(x, y, grad) {
    const n = x.length;
    const root = rmse.value(x, y);
    for (let i = 0; i < n; i++) grad[i] = (x[i]! - y[i]!) / (n * root);
    return root;
  },
  valueGradHess(x, y, grad, hess) {
    const n = x.length;
    const root = rmse.valueAndGrad(x, y, grad);
    for (let i = 0; i < n; i++) hess[i] = 1 / (n * root) - (x[i]! - y[i]!) ** 2 / (n * n * root ** 3);
    return root;
  },
};

const huber: Naive = {
  value(x, y) {
    const n = x.length;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const e = x[i]! - y[i]!;
      const size = Math.abs(e);
      sum += size <= 1 ? 0.5 * e * e : size - 0.5;
    }
    return sum / n;
  },
  valueAndGrad(x, y, grad) {
    const n = x.length;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const e = x[i]! - y[i]!;
      const size = Math.abs(e);
      sum += size <= 1 ? 0.5 * e * e : size - 0.5;
      grad[i] = (size <= 1 ? e : Math.sign(e)) / n;
    }
    return sum / n;
  },
  valueGradHess(x, y, grad, hess) {
    const n = x.length;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const e = x[i]! - y[i]!;
      const size = Math.abs(e);
      sum += size <= 1 ? 0.5 * e * e : size - 0.5;
      grad[i] = (size <= 1 ? e : Math.sign(e)) / n;
      hess[i] = (size <= 1 ? 1 : 0) / n;
    }
    return sum / n;
  },
};

const logCosh: Naive = {
  value(x, y) {
    const n = x.length;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const e = x[i]! - y[i]!;
      sum += Math.log(Math.cosh(e));
    }
    return sum / n;
  },
  valueAndGrad(x, y, grad) {
    const n = x.length;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const e = x[i]! - y[i]!;
      sum += Math.log(Math.cosh(e));
      grad[i] = Math.tanh(e) / n;
    }
    return sum / n;
  },
  valueGradHess(x, y, grad, hess) {
    const n = x.length;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const e = x[i]! - y[i]!;
      sum += Math.log(Math.cosh(e));
      grad[i] = Math.tanh(e) / n;
      hess[i] = (1 - Math.tanh(e) ** 2) / n;
    }
    return sum / n;
  },
};

const charbonnier: Naive = {
  value(x, y) {
    const n = x.length;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const e = x[i]! - y[i]!;
      const root = Math.sqrt(e * e + 1e-12);
      sum += root;
    }
    return sum / n;
  },
  valueAndGrad(x, y, grad) {
    const n = x.length;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const e = x[i]! - y[i]!;
      const root = Math.sqrt(e * e + 1e-12);
      sum += root;
      grad[i] = e / root / n;
    }
    return sum / n;
  },
  valueGradHess(x, y, grad, hess) {
    const n = x.length;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const e = x[i]! - y[i]!;
      const root = Math.sqrt(e * e + 1e-12);
      sum += root;
      grad[i] = e / root / n;
      hess[i] = 1e-12 / (root * root * root) / n;
    }
    return sum / n;
  },
};

const bce: Naive = {
  value(x, y) {
    const n = x.length;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const p = Math.min(Math.max(x[i]!, 1e-7), 1 - 1e-7);
      const label = y[i]!;
      sum -= label * Math.log(p) + (1 - label) * Math.log(1 - p);
    }
    return sum / n;
  },
  valueAndGrad(x, y, grad) {
    const n = x.length;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const p = Math.min(Math.max(x[i]!, 1e-7), 1 - 1e-7);
      const label = y[i]!;
      sum -= label * Math.log(p) + (1 - label) * Math.log(1 - p);
      grad[i] = (p - label) / (p * (1 - p)) / n;
    }
    return sum / n;
  },
  valueGradHess(x, y, grad, hess) {
    const n = x.length;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const p = Math.min(Math.max(x[i]!, 1e-7), 1 - 1e-7);
      const label = y[i]!;
      sum -= label * Math.log(p) + (1 - label) * Math.log(1 - p);
      grad[i] = (p - label) / (p * (1 - p)) / n;
      hess[i] = (label / (p * p) + (1 - label) / ((1 - p) * (1 - p))) / n;
    }
    return sum / n;
  },
};

const bceWithLogits: Naive = {
  value(x, y) {
    const n = x.length;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const logit = x[i]!;
      const label = y[i]!;
      const u = Math.exp(-Math.abs(logit));
      sum += Math.max(logit, 0) - logit * label + Math.log1p(u);
    }
    return sum / n;
  },
  valueAndGrad(x, y, grad) {
    const n = x.length;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const logit = x[i]!;
      const label = y[i]!;
      const u = Math.exp(-Math.abs(logit));
      const p = (logit >= 0 ? 1 : u) / (1 + u);
      sum += Math.max(logit, 0) - logit * label + Math.log1p(u);
      grad[i] = (p - label) / n;
    }
    return sum / n;
  },
  valueGradHess(x, y, grad, hess) {
    const n = x.length;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const logit = x[i]!;
      const label = y[i]!;
      const u = Math.exp(-Math.abs(logit));
      const p = (logit >= 0 ? 1 : u) / (1 + u);
      sum += Math.max(logit, 0) - logit * label + Math.log1p(u);
      grad[i] = (p - label) / n;
      hess[i] = (p * (1 - p)) / n;
    }
    return sum / n;
  },
};

const focal: Naive = {
  value(x, y) {
    const n = x.length;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const alpha = y[i] === 1 ? 0.25 : 0.75;
      const clamped = Math.min(Math.max(x[i]!, 1e-7), 1 - 1e-7);
      const p = y[i] === 1 ? clamped : 1 - clamped;
      const log = Math.log(p);
      sum -= alpha * (1 - p) ** 2 * log;
    }
    return sum / n;
  },
  valueAndGrad(x, y, grad) {
    const n = x.length;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const sign = y[i] === 1 ? 1 : -1;
      const alpha = y[i] === 1 ? 0.25 : 0.75;
      const clamped = Math.min(Math.max(x[i]!, 1e-7), 1 - 1e-7);
      const p = y[i] === 1 ? clamped : 1 - clamped;
      const log = Math.log(p);
      sum -= alpha * (1 - p) ** 2 * log;
      grad[i] = (sign * alpha * (1 - p) * (2 * log - (1 - p) / p)) / n;
    }
    return sum / n;
  },
  valueGradHess(x, y, grad, hess) {
    const n = x.length;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const sign = y[i] === 1 ? 1 : -1;
      const alpha = y[i] === 1 ? 0.25 : 0.75;
      const clamped = Math.min(Math.max(x[i]!, 1e-7), 1 - 1e-7);
      const p = y[i] === 1 ? clamped : 1 - clamped;
      const log = Math.log(p);
      sum -= alpha * (1 - p) ** 2 * log;
      grad[i] = (sign * alpha * (1 - p) * (2 * log - (1 - p) / p)) / n;
      hess[i] = (alpha * (-2 * log + (4 * (1 - p)) / p + ((1 - p) / p) ** 2)) / n;
    }
    return sum / n;
  },
};

const focalWithLogits: Naive = {
  value(x, y) {
    const n = x.length;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const sign = y[i] === 1 ? 1 : -1;
      const alpha = y[i] === 1 ? 0.25 : 0.75;
      const p = 1 / (1 + Math.exp(-sign * x[i]!));
      const log = Math.log(p);
      sum -= alpha * (1 - p) ** 2 * log;
    }
    return sum / n;
  },
  valueAndGrad(x, y, grad) {
    const n = x.length;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const sign = y[i] === 1 ? 1 : -1;
      const alpha = y[i] === 1 ? 0.25 : 0.75;
      const p = 1 / (1 + Math.exp(-sign * x[i]!));
      const log = Math.log(p);
      sum -= alpha * (1 - p) ** 2 * log;
      grad[i] = (sign * alpha * (1 - p) ** 2 * (2 * p * log - (1 - p))) / n;
    }
    return sum / n;
  },
  valueGradHess(x, y, grad, hess) {
    const n = x.length;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const sign = y[i] === 1 ? 1 : -1;
      const alpha = y[i] === 1 ? 0.25 : 0.75;
      const p = 1 / (1 + Math.exp(-sign * x[i]!));
      const log = Math.log(p);
      sum -= alpha * (1 - p) ** 2 * log;
      grad[i] = (sign * alpha * (1 - p) ** 2 * (2 * p * log - (1 - p))) / n;
      hess[i] = (alpha * (1 - p) ** 2 * p * (5 * (1 - p) - 2 * log * (2 * p - (1 - p)))) / n;
    }
    return sum / n;
  },
};

export const naive = {
  mae,
  mse,
  rmse,
  huber,
  logCosh,
  charbonnier,
  bce,
  bceWithLogits,
  focal,
  focalWithLogits,
} satisfies Record<string, Naive>;
