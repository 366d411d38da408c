"""PyTorch's side of the classifier benchmarks: LeNet, a small ResNet or transformers' ViT on random images, AdamW.

Reads one JSON line with the configuration, then answers every line "run" with the milliseconds of one whole step
(forward, backward, optimizer), so that the caller can interleave its own runs."""
import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional

settings = json.loads(sys.stdin.readline())
config = settings["config"]
torch.set_num_threads(settings["threads"])
torch.manual_seed(1)
CHANNELS, SIZE, LABELS = config["num_channels"], config["image_size"], config["num_labels"]


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        first, second = config["conv_channels"]
        self.conv1 = nn.Conv2d(CHANNELS, first, 5, padding=2)
        self.conv2 = nn.Conv2d(first, second, 5)
        self.fc1 = nn.Linear(second * ((SIZE // 2 - 4) // 2) ** 2, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, LABELS)

    def forward(self, x):
        x = functional.max_pool2d(functional.relu(self.conv1(x)), 2)
        x = functional.max_pool2d(functional.relu(self.conv2(x)), 2)
        return self.fc3(functional.relu(self.fc2(functional.relu(self.fc1(x.flatten(1))))))


class Block(nn.Module):
    def __init__(self, into, out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(into, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        same = stride == 1 and into == out
        self.downsample = None if same else nn.Sequential(nn.Conv2d(into, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        return functional.relu(self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x))))) + shortcut)


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        widths = config["hidden_sizes"]
        self.conv1 = nn.Conv2d(CHANNELS, widths[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        blocks, into = [], widths[0]
        for stage, (out, depth) in enumerate(zip(widths, config["depths"])):
            for index in range(depth):
                blocks.append(Block(into, out, 2 if stage and not index else 1))
                into = out
        self.layers = nn.Sequential(*blocks)
        self.fc = nn.Linear(into, LABELS)

    def forward(self, x):
        return self.fc(self.layers(functional.relu(self.bn1(self.conv1(x)))).mean((2, 3)))


def vit():
    import transformers

    options = {key: value for key, value in config.items() if key != "model_type"}
    model = transformers.ViTForImageClassification(transformers.ViTConfig(**options, attn_implementation="sdpa"))
    return lambda x: model(x).logits, model


if config["model_type"] == "vit":
    forward, model = vit()
else:
    forward = model = {"lenet": LeNet, "resnet": ResNet}[config["model_type"]]()
model.train()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0, fused=True)
images = torch.randn(settings["batchSize"], CHANNELS, SIZE, SIZE)
labels = torch.randint(0, LABELS, (settings["batchSize"],))


def step():
    loss = functional.cross_entropy(forward(images), labels)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


for _ in range(5):
    step()
parameters = sum(parameter.numel() for parameter in model.parameters())
print(json.dumps({"ready": True, "version": f"{torch.__version__}", "parameters": parameters}), flush=True)
for line in sys.stdin:
    if line.strip() != "run":
        break
    started = time.perf_counter()
    for _ in range(settings["steps"]):
        step()
    print(json.dumps({"ms": (time.perf_counter() - started) * 1000 / settings["steps"], "parameters": parameters}), flush=True)
