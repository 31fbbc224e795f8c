# SPDX-License-Identifier: Apache-2.0
# The module has code for sm_80 and for sm_90, and PTX of compute_90 for later GPUs, of each of its
# files of kernels: without one of them a GPU refuses it when it is there, and no sooner.
# images.py MODULE FILES
#
# source  the fat binaries that nvcc embeds, as cuobjdump lists them: a header (magic, version and
#         its size in 16 bits each, size of what follows), then images, each with a header (kind,
#         16 bits, at 0; its size at 4, the image's at 8, the architecture at 28)
import struct
import sys

MAGIC = struct.pack("<I", 0xBA55ED50)
PTX, CODE = 1, 2
WANTED = [(PTX, 90), (CODE, 80), (CODE, 90)]


def images(module, at):
    _, _, header, size = struct.unpack_from("<IHHQ", module, at)
    image, end = at + header, at + header + size
    while image < end:
        kind, _, header, size = struct.unpack_from("<HHIQ", module, image)
        (arch,) = struct.unpack_from("<I", module, image + 28)
        yield kind, arch
        image += header + size


def binaries(module):
    at = module.find(MAGIC)
    while at >= 0:
        yield sorted(images(module, at))
        at = module.find(MAGIC, at + 1)


path, files = sys.argv[1], int(sys.argv[2])
with open(path, "rb") as file:
    found = list(binaries(file.read()))
wrong = [one for one in found if one != WANTED]
print(f"{len(found)} of {files} files of kernels, {len(wrong)} without {WANTED}: {wrong[:3]}")
sys.exit(len(found) != files or bool(wrong))
