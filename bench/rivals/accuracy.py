"""Works losses out by PyTorch, for `npm run accuracy -- --rivals`.

    python3 bench/rivals/accuracy.py bceWithLogits '[0, 1]' < predictions > results

Needs Debian's python3-torch. Numbers are raw float32. After a line of JSON with PyTorch's version and the formulas of the
loss, the values, gradients and second derivatives follow, for each formula, for each target.
"""

import json
import math
import subprocess
import sys

import torch
import torch.nn.functional as F

EPSILON, CLAMP, ALPHA, GAMMA = 1e-6, 1e-7, 0.25, 2

# Formula, whose it is where PyTorch has no such loss, and the function itself.
FORMULAS = {
    "mae": [("F.l1_loss", None, lambda x, y: F.l1_loss(x, y, reduction="none"))],
    "mse": [("F.mse_loss", None, lambda x, y: F.mse_loss(x, y, reduction="none"))],
    "huber": [("F.huber_loss", None, lambda x, y: F.huber_loss(x, y, reduction="none"))],
    "logCosh": [
        ("e + softplus(−2e) − log 2", "keras.losses.log_cosh", lambda x, y: x - y + F.softplus(-2 * (x - y)) - math.log(2)),
        ("logaddexp(e, −e) − log 2", "optax.losses.log_cosh", lambda x, y: torch.logaddexp(x - y, y - x) - math.log(2)),
        ("log(cosh(e))", "tutorials", lambda x, y: torch.log(torch.cosh(x - y))),
    ],
    "charbonnier": [("sqrt(e² + ε²)", "tutorials", lambda x, y: torch.sqrt((x - y) ** 2 + EPSILON**2))],
    "bce": [("F.binary_cross_entropy", None, lambda x, y: F.binary_cross_entropy(x, y, reduction="none"))],
    "bceWithLogits": [
        (
            "F.binary_cross_entropy_with_logits",
            None,
            lambda x, y: F.binary_cross_entropy_with_logits(x, y, reduction="none"),
        )
    ],
    "focal": [("−α_t (1 − p_t)^γ log(p_t)", "tutorials", lambda x, y: focal(x.clamp(CLAMP, 1 - CLAMP), y))],
    "focalWithLogits": [
        ("α_t (1 − p_t)^γ BCE with logits", "torchvision.ops.sigmoid_focal_loss", lambda x, y: focal_with_logits(x, y))
    ],
}


def focal(p, y):
    p_t = torch.where(y == 1, p, 1 - p)
    alpha_t = torch.where(y == 1, ALPHA, 1 - ALPHA)
    return -alpha_t * (1 - p_t) ** GAMMA * torch.log(p_t)


def focal_with_logits(x, y):
    p = torch.sigmoid(x)
    p_t = p * y + (1 - p) * (1 - y)
    alpha_t = ALPHA * y + (1 - ALPHA) * (1 - y)
    return alpha_t * (1 - p_t) ** GAMMA * F.binary_cross_entropy_with_logits(x, y, reduction="none")


def results_of(formula, x, y):
    """Value, gradient and second derivative."""
    value = formula(x, y)
    (grad,) = torch.autograd.grad(value.sum(), x, create_graph=True)
    (hess,) = torch.autograd.grad(grad.sum(), x)
    return value, grad, hess


def version():
    """Of Debian's package, which calls itself 1.13.0a0."""
    if not torch.__file__.startswith("/usr/lib/python3/"):
        return torch.__version__
    asked = ["dpkg-query", "--show", "--showformat", "${source:Upstream-Version}", "python3-torch"]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.split("+")[0]


def main(loss, targets):
    x = torch.frombuffer(bytearray(sys.stdin.buffer.read()), dtype=torch.float32).requires_grad_()
    formulas = [{"formula": formula, "after": after} for formula, after, _ in FORMULAS[loss]]
    print(json.dumps({"version": version(), "formulas": formulas}), flush=True)
    for _, _, function in FORMULAS[loss]:
        for target in targets:
            for result in results_of(function, x, torch.full_like(x, target)):
                # A copy: a second derivative that is 0 everywhere has no memory of its own.
                sys.stdout.buffer.write(torch.empty(len(x)).copy_(result.detach()).numpy())


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
