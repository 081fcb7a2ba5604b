"""Writes the golden values of images: images.json, crops of photographs with PSNR, SSIM and its gradient.

    python3 test/golden/images.py

Needs Debian's python3-skimage, python3-mpmath and python3-torch. The photographs are those that scikit-image brings
along and that are free of rights; nothing is fetched, and every draw is seeded. SSIM is written twice here, for mpmath
and for PyTorch, both from Wang et al. (2004), and must agree with scikit-image's. README.md tells how to read the file.
"""

import json
import os

import numpy
import skimage.io
import torch
import torch.nn.functional as F
from mpmath import mp, mpf
from scipy.fft import dctn, idctn
from scipy.ndimage import gaussian_filter
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from generate import FLOAT64, nearest, write

mp.dps = 50
DATA = os.path.join(os.path.dirname(skimage.__file__), "data")


# SSIM by mpmath. Arrays are images × height × width × channels.

BELL = [mp.exp(-mpf(k - 5) ** 2 / (2 * mpf("1.5") ** 2)) for k in range(11)]
BELL = [g / sum(BELL) for g in BELL]


def windows(v):
    """The weighted sum of each window, at its first pixel."""
    for axis in (1, 2):
        count = v.shape[axis] - 10
        v = sum(g * v.take(range(k, k + count), axis) for k, g in enumerate(BELL))
    return v


def exact(x, y, peak):
    """
    SSIM = A1 A2 / (B1 B2) of the moments m = E[x], E[xx] and E[xy], the digits being enough for σx² = E[xx] − m².
    A pixel moves them by w, 2 w x and w y in every window that holds it with weight w. The weights are symmetric, so
    the windows' derivatives come back to the pixels by the same sums.
    """
    C1, C2 = (mpf("0.01") * peak) ** 2, (mpf("0.03") * peak) ** 2
    m, n, xx, yy, xy = (windows(v) for v in (x, y, x * x, y * y, x * y))
    A1, A2 = 2 * m * n + C1, 2 * (xy - m * n) + C2
    B1, B2 = m * m + n * n + C1, xx - m * m + yy - n * n + C2
    D = B1 * B2
    S = A1 * A2 / D
    by_m = 2 * n * (A2 - A1) / D - 2 * m * S * (1 / B1 - 1 / B2)
    pad = lambda v: numpy.pad(v, [(0, 0), (10, 10), (10, 10), (0, 0)], constant_values=mpf(0))
    back = lambda v: windows(pad(v)) / S.size
    return S.mean(), back(by_m) + 2 * x * back(-S / B2) + y * back(2 * A1 / D)


# The same by scikit-image and PyTorch, in float64.


def scikit(x, y, peak):
    settings = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=peak, channel_axis=-1)
    return numpy.mean([structural_similarity(a, b, **settings) for a, b in zip(x, y)])


def autograd(x, y, peak):
    """Each window unfolded to a column, and its variances about its own means."""
    bell = torch.exp(-((torch.arange(11, dtype=torch.float64) - 5) ** 2) / (2 * 1.5**2))
    weights = (torch.outer(bell, bell) / bell.sum() ** 2).reshape(1, -1, 1)

    def unfolded(v):
        return F.unfold(v.permute(0, 3, 1, 2).reshape(-1, 1, *v.shape[1:3]), 11)

    def similarity(x, y):
        u, v = unfolded(x), unfolded(y)
        mean = lambda w: (weights * w).sum(1, keepdim=True)
        m, n = mean(u), mean(v)
        du, dv = u - m, v - n
        C1, C2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
        luminance = (2 * m * n + C1) / (m**2 + n**2 + C1)
        structure = (2 * mean(du * dv) + C2) / (mean(du**2) + mean(dv**2) + C2)
        return (luminance * structure).mean()

    x = torch.tensor(x, requires_grad=True)
    value = similarity(x, torch.tensor(y))
    value.backward()
    return value.item(), x.grad.numpy()


# Photographs, height × width × channels of 0 to 255, and what becomes of them.


def photograph(name):
    if "+" in name:
        return numpy.dstack([photograph(part) for part in name.split("+")])
    photo = skimage.io.imread(f"{DATA}/{name}.png").astype(float)
    return photo.reshape(*photo.shape[:2], -1)


def quantised(v):
    """The cosines of blocks of 8 × 8 in steps of 40, as a JPEG has them."""
    rows, columns, channels = v.shape[0] // 8, v.shape[1] // 8, v.shape[2]
    blocks = v[: 8 * rows, : 8 * columns].reshape(rows, 8, columns, 8, channels)
    cosines = 40 * numpy.round(dctn(blocks, axes=(1, 3), norm="ortho") / 40)
    return idctn(cosines, axes=(1, 3), norm="ortho").reshape(8 * rows, 8 * columns, channels)


# A network, unlike a file, need not keep to 0 to 255: some leave that range.
DISTORTIONS = {
    "identical": lambda v, r: v,
    "nearly identical": lambda v, r: v + r.choice([-1, 0, 1], v.shape) / 2**16,
    "noise": lambda v, r: (v + r.normal(0, 20, v.shape)).clip(0, 255),
    "blur": lambda v, r: gaussian_filter(v, (1.5, 1.5, 0)),
    "contrast": lambda v, r: 128 + 1.6 * (v - 128),
    "offset": lambda v, r: v + 24,
    "quantised": lambda v, r: quantised(v).clip(0, 255),
    "inverted": lambda v, r: 255 - v,
    "flat": lambda v, r: numpy.full_like(v, 96),
    "moved": lambda v, r: numpy.roll(v, 2, axis=1),
}

# Photograph, distortion, height and width, where the crops begin, peak, what 1 of 255 is written as and in which unit.
CASES = [
    ("camera", "noise", (11, 11), [(100, 220)], 255, 1, 1),
    ("camera", "identical", (11, 11), [(100, 220)], 255, 1, 1),
    ("camera", "inverted", (11, 11), [(100, 220)], 255, 1, 1),
    ("camera", "nearly identical", (11, 11), [(100, 220)], 1, 2**16, 2**-24),
    ("camera", "flat", (11, 11), [(300, 100)], 1, 1, 2**-8),
    ("coins", "contrast", (12, 11), [(60, 90)], 255, 1, 1),
    ("brick", "offset", (11, 12), [(200, 260)], 1, 16, 2**-12),
    ("gravel", "quantised", (11, 40), [(50, 100)], 1, 1, 2**-8),
    ("brick", "moved", (40, 11), [(64, 64)], 255, 1, 1),
    ("camera", "quantised", (37, 53), [(80, 190)], 1, 1, 2**-8),
    ("coins", "noise", (61, 47), [(20, 30)], 255, 1, 1),
    ("camera", "blur", (64, 96), [(60, 180)], 255, 1, 1),
    ("coffee", "quantised", (24, 31), [(120, 250)], 255, 1, 1),
    ("chelsea", "blur", (23, 19), [(90, 130)], 1, 1, 2**-8),
    ("astronaut", "contrast", (16, 22), [(60, 200)], 0.7, 1, 2**-8),
    ("chelsea", "nearly identical", (13, 12), [(100, 300)], 1, 2**16, 2**-24),
    ("astronaut+camera", "noise", (17, 22), [(90, 190)], 255, 1, 1),
    ("coins", "moved", (13, 15), [(10, 20), (110, 200), (230, 300)], 255, 1, 1),
    ("astronaut", "noise", (15, 12), [(90, 180), (400, 50)], 4095, 16, 1),
]


# Checks.


def check_scikit():
    """
    scikit-image's noisy camera. The value of Matlab that it ships is of the photograph that "camera" was before version
    0.18, so it does not agree; of today's, its tests state what imdiff found (doi:10.5201/ipol.2011.g_lmii).
    """
    photo = photograph("camera")
    noisy = (photo + 20 * numpy.random.RandomState(5).randn(*photo.shape)).clip(0, 255) // 1
    found = scikit(noisy[None], photo[None], 255)
    assert abs(found - 0.357959091663361) < 1e-5
    former = numpy.load(f"{DATA}/mssim_matlab_output.npz")["mssim_matlab"].item()
    assert abs(former - 0.327314295673357) < 1e-15 and abs(found - former) > 0.03


def check_derivative(x, y, peak, grad):
    """By some pixels, against differences of the value."""
    for place in (0, 0, 0, 0), (0, 5, 4, 0), (0, 3, 9, 0):

        def along(v):
            moved = x.copy()
            moved[place] = v
            return exact(moved, y, peak)[0]

        assert abs(mp.diff(along, x[place]) - grad[place]) < mpf("1e-20") * abs(grad[place]), place


# What is written.

exactly = numpy.vectorize(lambda v: mpf(float(v)), otypes=[object])
rounded = numpy.vectorize(lambda v: nearest(v, FLOAT64), otypes=[float])


def case(name, distortion, size, corners, peak, scale, unit):
    photo = photograph(name)
    height, width = size
    crops = lambda v: numpy.array([v[top : top + height, left : left + width] for top, left in corners])
    written = lambda v: numpy.round(scale * crops(v))
    x, y = written(DISTORTIONS[distortion](photo, numpy.random.RandomState(1))), written(photo)
    prediction, target = unit * x, unit * y
    assert all((v == v.astype(numpy.float32)).all() for v in (prediction, target))

    value, slopes = exact(exactly(prediction), exactly(target), mpf(peak))
    if size == (11, 11) and distortion != "identical":
        check_derivative(exactly(prediction), exactly(target), mpf(peak), slopes)
    similarity, grad = nearest(value, FLOAT64), rounded(slopes)
    of_scikit = scikit(prediction, target, peak)
    of_torch, grad_of_torch = autograd(prediction, target, peak)
    assert abs(of_scikit - similarity) < 5e-14 and abs(of_torch - similarity) < 5e-16
    # Where 1 − SSIM is some 1e-12, its gradient is what is left of larger terms in float64.
    most = 1e-9 if distortion == "nearly identical" else 1e-14
    assert abs(grad_of_torch - grad).max() <= most * abs(grad).max()

    every = 1 if grad.size < 600 else 7
    assert every == 1 or x[0, 0].size % every
    ratio = peak_signal_noise_ratio(target, prediction, data_range=peak) if (x != y).any() else "Infinity"
    integers = lambda v: v.astype(int).flatten().tolist()
    entry = {
        "photograph": name, "distortion": distortion,
        "width": width, "height": height, "channels": x.shape[3], "images": x.shape[0], "peak": peak, "unit": unit,
        "prediction": integers(x), "target": integers(y),
        "scikit": {"ssim": of_scikit, "psnr": ratio}, "ssim": similarity,
        "every": every, "grad": grad.flatten()[::every].tolist(), "sum": nearest(slopes.sum(), FLOAT64),
    }
    return json.dumps(entry, separators=(",", ":"), allow_nan=False)


if __name__ == "__main__":
    torch.set_num_threads(1)
    check_scikit()
    lines = [case(*settings) for settings in CASES]
    write("images.json", lines, f"{len(lines)} cases")
