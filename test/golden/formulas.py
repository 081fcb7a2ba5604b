"""The losses of one element in mpmath, derived from the papers and from shared definitions, never from this package's code.

Each gives value, ∂/∂x and ∂²/∂x² as a list of terms: their sum is the result, and the largest is the scale that an error
is measured by where terms of opposite sign cancel. Only there are digits lost: whatever the precision, each term is good
to all of it but a few bits.
"""

from mpmath import mp, mpf


def log(v):
    return mp.log(v) if v else mpf("-inf")


def inverse(v):
    return 1 / v if v else mpf("inf")


def softplus(v):
    return max(v, mpf(0)) + mp.log1p(mp.exp(-abs(v)))


def sigmoid(v):
    u = mp.exp(-abs(v))
    return (u if v < 0 else 1) / (1 + u)


def times(weight, v):
    """0 · ∞ = 0: a label that is absent contributes nothing."""
    return weight * v if weight else mpf(0)


def mae(x, y):
    e = x - y
    return [abs(e)], [mp.sign(e)], [mpf(0)]


def mse(x, y):
    e = x - y
    return [e**2], [2 * e], [mpf(2)]


def huber(x, y, delta):
    e = x - y
    if abs(e) <= delta:
        return [e**2 / 2], [e], [mpf(1)]
    return [delta * (abs(e) - delta / 2)], [delta * mp.sign(e)], [mpf(0)]


def log_cosh(x, y):
    """log cosh e = ½ log(1 + sinh² e), which loses nothing near 0."""
    e = x - y
    return [mp.log1p(mp.sinh(e) ** 2) / 2], [mp.tanh(e)], [1 / mp.cosh(e) ** 2]


def charbonnier(x, y, epsilon):
    e = x - y
    root = mp.sqrt(e**2 + epsilon**2)
    return [root], [e / root], [epsilon**2 / root**3]


def clamped(x, epsilon):
    """p and 1 − p, neither from the other where that is rounded."""
    if x <= epsilon:
        return epsilon, 1 - epsilon
    return (1 - epsilon, epsilon) if 1 - x <= epsilon else (x, 1 - x)


def log_share(p, q):
    """log p, of p and q = 1 − p."""
    return log(p) if p < q else mp.log1p(-q)


def bce(x, y, epsilon):
    p, q = clamped(x, epsilon)
    hit, miss = inverse(p), inverse(q)
    return (
        [times(y, -log_share(p, q)), times(1 - y, -log_share(q, p))],
        [times(y, -hit), times(1 - y, miss)],
        [times(y, hit**2), times(1 - y, miss**2)],
    )


def bce_with_logits(x, y, posWeight, labelSmoothing):
    positive = posWeight * (y * (1 - labelSmoothing) + labelSmoothing / 2)
    negative = (1 - y) * (1 - labelSmoothing) + labelSmoothing / 2
    p, q = sigmoid(x), sigmoid(-x)
    return (
        [positive * softplus(-x), negative * softplus(x)],
        [-positive * q, negative * p],
        [positive * p * q, negative * p * q],
    )


def focal(x, y, alpha, gamma, epsilon):
    """
    Lin et al. (2017), L = −α_t q^γ log p_t with q = 1 − p_t. By p_t:
    L′ = α_t q^{γ−1} (γ log p_t − q/p_t),
    L″ = α_t q^{γ−2} (γ(1−γ) log p_t + 2γ q/p_t + q²/p_t²), whose first term is negative where γ < 1.
    """
    p, q = clamped(x, epsilon)
    weight = mpf(1) if alpha is None else alpha if y else 1 - alpha
    hit, miss, sign = (p, q, 1) if y else (q, p, -1)
    log_hit, odds = log_share(hit, miss), miss / hit
    first, second = sign * weight * miss ** (gamma - 1), weight * miss ** (gamma - 2)
    return (
        [-weight * miss**gamma * log_hit],
        [first * gamma * log_hit, -first * odds],
        [second * gamma * (1 - gamma) * log_hit, second * 2 * gamma * odds, second * odds**2],
    )


def focal_with_logits(x, y, alpha, gamma):
    """
    The same of p_t = σ(z), z = ±x, with ℓ = −log p_t. By z: p_t′ = p_t q, q′ = −p_t q, ℓ′ = −q, hence
    L′ = −α_t q^γ (γ p_t ℓ + q),
    L″ = α_t p_t q^γ (γ² p_t ℓ − γ q ℓ + (2γ + 1) q), which changes sign where the label is well missed.
    """
    sign = 1 if y else -1
    z = sign * x
    weight = mpf(1) if alpha is None else alpha if y else 1 - alpha
    p, q, loss = sigmoid(z), sigmoid(-z), softplus(-z)
    factor = weight * mp.exp(-gamma * softplus(z))
    return (
        [factor * loss],
        [-sign * factor * gamma * p * loss, -sign * factor * q],
        [factor * p * gamma**2 * p * loss, -factor * p * gamma * q * loss, factor * p * (2 * gamma + 1) * q],
    )
