# A file and a folder for each name that the page has, small; runs are cut to seconds, and nothing is fetched.
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

cat >RUN.yaml <<'END'
name: NAME
device: {plugin: cpu, threads: 1}
data: {plugin: synthetic, kinds: 4, count: 32, size: 32}
views: [{recipe: simclr, size: 32, count: 2, normalize: store}]
backbone: {plugin: resnet, depth: 50, stem: imagenet, width: 4}
method: {plugin: simclr, hidden: 16, output: 8}
optimizer: {name: sgd, lr: 0.05}
train: {epochs: 1, batch: 8}
evals: [{plugin: knn, k: 3}]
END

# Weights as torchvision publishes them: with a classifier behind the encoder.
command kindred train RUN.yaml name=published >log 2>&1 || { cat log; exit 1; }
command kindred export runs/published --to resnet50.safetensors
python3 - <<'END'
import json, struct
with open("resnet50.safetensors", "rb") as f:
    data = f.read()
begin = 8 + struct.unpack("<Q", data[:8])[0]
head, body = json.loads(data[8:begin]), data[begin:]
for name, shape, size in ("fc.weight", [10, 128], 5120), ("fc.bias", [10], 40):
    head[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(body), len(body) + size]}
    body += bytes(size)
text = json.dumps(head).encode()
text += b" " * (-len(text) % 8)
with open("resnet50.safetensors", "wb") as f:
    f.write(struct.pack("<Q", len(text)) + text + body)
END

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
    "data fetch") echo "not run, for it needs a network: kindred $*" ;;
    *) command kindred "$@" ;;
    esac
}
