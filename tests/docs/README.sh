# A file and a folder for each name that the page has, small; runs are cut to seconds.
python3 - <<'END'
import os, random, struct, zlib

def picture(path, seed):
    draw, side = random.Random(seed), 40
    base, slope = [draw.randrange(150) for _ in range(3)], [draw.randrange(3) for _ in range(6)]
    rows = b"".join(b"\0" + bytes(min(255, base[c] + x * slope[c] + y * slope[3 + c]) for x in range(side) for c in range(3))
                    for y in range(side))
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) +
                chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))

for kind in "cat", "dog":
    for i in range(8):
        picture(f"photos/{kind}/{i}.png", f"{kind} {i}")
        picture(f"my-pairs/{kind}/{i}_1.png", f"{kind} {i} 1")
        picture(f"my-pairs/{kind}/{i}_2.png", f"{kind} {i} 2")
os.makedirs("cifar-10-batches-bin")
draw = random.Random(1)
for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]:
    with open(f"cifar-10-batches-bin/{name}.bin", "wb") as f:
        for i in range(10):
            f.write(bytes([i]) + draw.randbytes(3072))
END
tar czf cifar-10-binary.tar.gz cifar-10-batches-bin

. "$DOCS/published.sh"
. "$DOCS/mirror.sh"

briefly() {
    command kindred "$@" train.steps=2 train.batch=8 backbone.width=4 schedule.warmup_epochs=0 \
        'device={plugin: cpu, threads: 1}'
}
kindred() {
    case "$1 $2" in
    "train examples/simclr-cifar10.yaml") briefly "$@" 'evals=[{plugin: knn, k: 3}]' ;;
    "train examples/"*) briefly "$@" ;;
    "study "*) briefly "$@" 'seeds=[1]' 'evals=[{plugin: knn, k: 3}]' data.count=64 data.size=16 views.0.size=16 ;;
    "import "*) command kindred "$@" name=imported ;; # runs/NAME is there
    "data fetch") fetch_refused "$3" ;;
    *) command kindred "$@" ;;
    esac
}
