"""Times losses by PyTorch, for `npm run bench:rivals`, in one thread, eagerly, forward and backward.

Needs Debian's python3-torch. Reads lines of JSON. {"loss", "rows", "length", "temperature"} is followed by the raw predictions and targets, and answered
by the value, a float64, and the gradients, float32. {"milliseconds"} is answered by the nanoseconds a call, a float64.
"""

import json
import math
import statistics
import struct
import sys
import time

import torch
import torch.nn.functional as F

from accuracy import FORMULAS, version

torch.set_num_threads(1)

# Nanoseconds.
SAMPLE = 50e3

# klDivergence's bound of predictions.
EPSILON = 1e-7


def formula(name):
    """The first of accuracy.py's: PyTorch has no such loss."""
    _, _, function = FORMULAS[name][0]
    return lambda x, y, _: function(x, y).mean()


def gaussian_kl(mean, log_variance, _):
    """As in PyTorch's example of a variational autoencoder."""
    return -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp()) / len(mean)


def distillation(x, y, t):
    return t * t * F.kl_div(F.log_softmax(x / t, 1), F.softmax(y / t, 1), reduction="batchmean")


LOSSES = {
    "mae": lambda x, y, _: F.l1_loss(x, y),
    "mse": lambda x, y, _: F.mse_loss(x, y),
    "rmse": lambda x, y, _: torch.sqrt(F.mse_loss(x, y)),
    "huber": lambda x, y, _: F.huber_loss(x, y),
    "logCosh": formula("logCosh"),
    "charbonnier": formula("charbonnier"),
    "bce": lambda x, y, _: F.binary_cross_entropy(x, y),
    "bceWithLogits": lambda x, y, _: F.binary_cross_entropy_with_logits(x, y),
    "focal": formula("focal"),
    "focalWithLogits": formula("focalWithLogits"),
    "softmaxCrossEntropy": lambda x, y, _: F.cross_entropy(x, y),
    "klDivergence": lambda x, y, _: F.kl_div(torch.log(x.clamp(min=EPSILON)), y, reduction="batchmean"),
    "klDivergenceWithLogits": lambda x, y, _: F.kl_div(F.log_softmax(x, 1), y, reduction="batchmean"),
    "distillation": distillation,
    "gaussianKl": gaussian_kl,
}


def read(dtype, shape):
    count = 1
    for size in shape:
        count *= size
    return torch.frombuffer(bytearray(sys.stdin.buffer.read(4 * count)), dtype=dtype).reshape(shape)


def task(loss, rows, length, temperature):
    """What is to be called, and whose gradients it leaves."""
    shape = (rows,) if length == 1 else (rows, length)
    x = read(torch.float32, shape).requires_grad_()
    labels = loss == "softmaxCrossEntropy"
    y = read(torch.int32, (rows,)).long() if labels else read(torch.float32, shape)
    of = [x, y.requires_grad_()] if loss == "gaussianKl" else [x]

    def call():
        for own in of:
            own.grad = None
        value = LOSSES[loss](x, y, temperature)
        value.backward()
        return value.item()

    return call, of


def sample(call, calls):
    start = time.perf_counter_ns()
    for _ in range(calls):
        call()
    return (time.perf_counter_ns() - start) / calls


def nanoseconds(call, milliseconds):
    """The median of samples, as task.ts takes them."""
    end = time.perf_counter_ns() + milliseconds * 1e6
    first = sample(call, 1)
    calls = math.ceil(SAMPLE / first)
    samples = [] if calls > 1 else [first]
    while not samples or time.perf_counter_ns() < end:
        samples.append(sample(call, calls))
    return statistics.median(samples)


def main():
    answer = sys.stdout.buffer
    call = None
    for line in iter(sys.stdin.buffer.readline, b""):
        asked = json.loads(line)
        if "loss" in asked:
            call, of = task(**asked)
            answer.write(struct.pack("d", call()))
            for own in of:
                answer.write(own.grad.numpy())
        else:
            answer.write(struct.pack("d", nanoseconds(call, **asked)))
        answer.flush()


if __name__ == "__main__":
    if sys.argv[1:] == ["--version"]:
        print(version())
    else:
        main()
