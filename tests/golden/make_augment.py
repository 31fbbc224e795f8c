#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes augment.safetensors: views by PIL and torchvision, for test_augment_golden.c.

Run it from this folder with Debian's python3-torch, python3-torchvision and python3-pil. Nothing of
kindred is used: Philox, the draws and the list of ops are written down again here from
docs/augmentation.md. Resampling is PIL's on 32-bit float images (mode F), which neither rounds nor
clips; colours, blur and rotation are torchvision's on float tensors.
"""
import json
import math
import struct

import numpy as np
import PIL
import torch
import torch.nn.functional as F
import torchvision
import torchvision.transforms.functional as TF
from PIL import Image

CROP, RESIZE, CENTER, FLIP, JITTER, GRAY, BLUR, SOLARIZE, ROTATE, NORMALIZE = range(10)
BILINEAR, BICUBIC = 0, 1
FILTER = {BILINEAR: Image.BILINEAR, BICUBIC: Image.BICUBIC}
tensors = {}


def philox(key, counter):
    k, c = [key & 0xFFFFFFFF, key >> 32], list(counter)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & 0xFFFFFFFF, (a >> 32) ^ c[3] ^ k[1], a & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


class Draws:
    """The words of the op at one position of one view."""

    def __init__(self, seed, epoch, sample, view, position):
        self.seed, self.counter = seed, [epoch, sample, view << 16 | position]

    def word(self, block, index):
        return philox(self.seed, self.counter + [block])[index]

    def unit(self, block, index):
        return (self.word(block, index) >> 8) / 2**24

    def between(self, block, index, low, high):
        return low + (high - low) * self.unit(block, index)

    def below(self, block, index, count):
        return self.word(block, index) * count >> 32


def resample(image, size, filter, box=None):
    """image [h, w, c] in [0, 255] -> [size[0], size[1], c]"""
    planes = [Image.fromarray(image[..., c].astype(np.float32), mode="F")
              for c in range(image.shape[2])]
    return np.stack([np.asarray(p.resize((size[1], size[0]), FILTER[filter], box=box))
                     for p in planes], axis=2)


def draw_box(d, height, width, scale, ratio):
    """torchvision's RandomResizedCrop.get_params, with Philox for its generator."""
    for t in range(10):
        area = height * width * d.between(t, 0, *scale)
        aspect = math.exp(d.between(t, 1, math.log(ratio[0]), math.log(ratio[1])))
        w, h = int(round(math.sqrt(area * aspect))), int(round(math.sqrt(area / aspect)))
        if 0 < w <= width and 0 < h <= height:
            return d.below(t, 2, height - h + 1), d.below(t, 3, width - w + 1), h, w
    w, h = width, height
    if width / height < min(ratio):
        h = int(round(w / min(ratio)))
    elif width / height > max(ratio):
        w = int(round(h * max(ratio)))
    return (height - h) // 2, (width - w) // 2, h, w


def cut(image, size, code, arg, d):
    height, width, _ = image.shape
    if code == CROP:
        top, left, h, w = draw_box(d, height, width, arg[0:2], arg[2:4])
        view = resample(image[top:top + h, left:left + w], (size, size), arg[4])
    elif code == RESIZE:
        view = resample(image, (size, size), arg[0])
    else:
        short, to = min(height, width), round(arg[0] * size)
        h, w = to * height // short, to * width // short
        top, left = int(round((h - size) / 2)), int(round((w - size) / 2))
        view = resample(image, (h, w), arg[1])[top:top + size, left:left + size]
    return torch.from_numpy(view / np.float32(255)).permute(2, 0, 1).clamp(0, 1)


def jitter(x, arg, d):
    if d.unit(0, 0) >= arg[0]:
        return x
    rest, code, order = [0, 1, 2, 3], d.below(0, 1, 24), []
    for i in range(4):
        pick = code % (4 - i)
        code //= 4 - i
        order.append(rest[pick])
        rest[pick] = rest[3 - i]
    change = [TF.adjust_brightness, TF.adjust_contrast, TF.adjust_saturation, TF.adjust_hue]
    for i in order:
        low = -arg[4] if i == 3 else max(0, 1 - arg[1 + i])
        high = arg[4] if i == 3 else 1 + arg[1 + i]
        x = change[i](x, d.between(1, i, low, high))
    return x


def rotate(x, arg, d):
    angle = d.between(0, 1, -arg[1], arg[1])
    if not arg[2]:
        return TF.rotate(x, angle, TF.InterpolationMode.BILINEAR)
    a, size = math.radians(angle), x.shape[-1]
    theta = torch.tensor([[[math.cos(a), -math.sin(a), 0], [math.sin(a), math.cos(a), 0]]],
                         dtype=x.dtype)
    grid = F.affine_grid(theta, (1, *x.shape), align_corners=False)
    return F.grid_sample(x[None], grid, padding_mode="border", align_corners=False)[0]


def alter(x, code, arg, d):
    size = x.shape[-1]
    if code == JITTER:
        return jitter(x, arg, d)
    if code == NORMALIZE:
        return TF.normalize(x, arg[0:x.shape[0]], arg[3:3 + x.shape[0]])
    if d.unit(0, 0) >= arg[0]:
        return x
    if code == FLIP:
        return TF.hflip(x)
    if code == GRAY:
        return TF.rgb_to_grayscale(x, x.shape[0])
    if code == BLUR:
        radius = arg[1] or max(1, size // 20)
        sigma = d.between(0, 1, arg[2], arg[3])
        return TF.gaussian_blur(x, [2 * radius + 1] * 2, [sigma] * 2)
    if code == SOLARIZE:
        return TF.solarize(x, arg[1])
    return rotate(x, arg, d)


def keep(name, array):
    tensors[name] = np.ascontiguousarray(array)


def case(name, source, ops, size=10, seed=0x1234567890ABCDEF, epoch=3, sample=41, view=1):
    """Keeps the view, its key and its list of ops: the code and 8 arguments of each."""
    image = pictures[source]
    draws = [Draws(seed, epoch, sample, view, i) for i in range(len(ops))]
    x = cut(image, size, ops[0][0], ops[0][1:], draws[0])
    for (code, *arg), d in zip(ops[1:], draws[1:]):
        x = alter(x, code, arg, d)
    rows = np.zeros((len(ops), 9))
    for row, op in zip(rows, ops):
        row[:len(op)] = op
    number = list(pictures).index(source)
    keep(f"{name}.key", np.array([seed, epoch, sample, view, number], dtype=np.int64))
    keep(f"{name}.ops", rows)
    keep(f"{name}.view", x.permute(1, 2, 0).numpy().astype(np.float32))


def picture(height, width, channels, seed):
    """Smooth colours, an edge and noise."""
    r = np.random.RandomState(seed)
    y, x = np.mgrid[0:height, 0:width]
    waves = [128 + 90 * np.sin(0.31 * (c + 1) * x + 0.23 * y + c) for c in range(channels)]
    image = np.stack(waves, axis=2) + r.randint(-40, 40, (height, width, channels))
    image[y > x] = 255 - image[y > x] / 2
    return np.clip(image, 0, 255).astype(np.uint8)


pictures = {"wide": picture(23, 37, 3, 1), "small": picture(9, 11, 3, 2),
            "grey": picture(17, 14, 1, 3), "tall": picture(40, 7, 3, 4), "dot": picture(1, 1, 3, 5)}
for number, name in enumerate(pictures):
    keep(f"source.{number}", pictures[name])
ratio = [3 / 4, 4 / 3]
whole = [RESIZE, BILINEAR]
case("resize_bilinear", "wide", [[RESIZE, BILINEAR]])
case("resize_bicubic", "wide", [[RESIZE, BICUBIC]])
case("enlarge_bilinear", "small", [[RESIZE, BILINEAR]], size=13)
case("enlarge_bicubic", "small", [[RESIZE, BICUBIC]], size=13)
case("center_crop", "wide", [[CENTER, 1.25, BICUBIC]])
case("center_crop_tall", "tall", [[CENTER, 1.0, BILINEAR]])
case("crop_bilinear", "wide", [[CROP, 0.2, 1, *ratio, BILINEAR]])
case("crop_bicubic", "wide", [[CROP, 0.08, 0.5, *ratio, BICUBIC]], sample=42)
case("crop_fallback", "tall", [[CROP, 0.9, 1, *ratio, BICUBIC]])
case("flip", "small", [whole, [FLIP, 1]])
case("brightness", "small", [whole, [JITTER, 1, 0.8, 0, 0, 0]])
case("contrast", "small", [whole, [JITTER, 1, 0, 0.8, 0, 0]])
case("saturation", "small", [whole, [JITTER, 1, 0, 0, 0.8, 0]])
case("hue", "small", [whole, [JITTER, 1, 0, 0, 0, 0.5]])
case("jitter", "wide", [whole, [JITTER, 1, 0.8, 0.8, 0.8, 0.2]])
case("jitter_other", "wide", [whole, [JITTER, 1, 0.4, 0.4, 0.4, 0.1]], seed=7, epoch=0)
case("grayscale", "small", [whole, [GRAY, 1]])
case("blur", "wide", [whole, [BLUR, 1, 3, 0.1, 2]])
case("blur_default", "grey", [whole, [BLUR, 1, 0, 0.5, 2]], size=40)
case("solarize", "small", [whole, [SOLARIZE, 1, 0.5]])
case("rotate", "small", [whole, [ROTATE, 1, 30, 0]])
case("rotate_edge", "small", [whole, [ROTATE, 1, 200, 1]])
imagenet = [NORMALIZE, 0.485, 0.456, 0.406, 0.229, 0.224, 0.225]
simclr = [[CROP, 0.08, 1, *ratio, BICUBIC], [FLIP, 0.5], [JITTER, 0.8, 0.8, 0.8, 0.8, 0.2],
          [GRAY, 0.2], [BLUR, 0.5, 0, 0.1, 2], imagenet]
byol = [[CROP, 0.08, 1, *ratio, BICUBIC], [FLIP, 0.5], [JITTER, 0.8, 0.4, 0.4, 0.2, 0.1],
        [GRAY, 0.2], [BLUR, 0.5, 6, 0.1, 2], [SOLARIZE, 0.5, 0.5], imagenet]
for i in range(3):
    case(f"simclr_{i}", "wide", simclr, sample=i, view=i)
    case(f"byol_{i}", "wide", byol, sample=100 + i, epoch=2**31 + i, seed=2**40 + 1)
case("one_channel", "grey", simclr[:-1] + [[NORMALIZE, 0.3, 0, 0, 0.2, 1, 1]])
case("one_pixel", "dot", simclr, size=6)

names = {np.dtype("u1"): "U8", np.dtype("f4"): "F32", np.dtype("i8"): "I64", np.dtype("f8"): "F64"}
header = {"__metadata__": {"made_by": "make_augment.py", "pillow": PIL.__version__,
                           "torch": torch.__version__, "torchvision": torchvision.__version__}}
data = b""
for name, t in sorted(tensors.items(), key=lambda item: (-item[1].itemsize, item[0])):
    header[name] = {"dtype": names[t.dtype], "shape": list(t.shape),
                    "data_offsets": [len(data), len(data) + t.nbytes]}
    data += t.tobytes()
text = json.dumps(header, separators=(",", ":")).encode()
text += b" " * (-len(text) % 8)
with open("augment.safetensors", "wb") as out:
    out.write(struct.pack("<Q", len(text)) + text + data)
