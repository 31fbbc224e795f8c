# RUN.yaml, a run of it and resnet50.safetensors: weights as torchvision publishes them, with a classifier behind the encoder.
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

