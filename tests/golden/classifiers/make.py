"""Makes the golden files beside it: tiny random classifiers and a DCGAN of torch.nn (and transformers' ViT) with their
logits, loss and every gradient, the running statistics after the pass, and one step of torch's AdamW.
Run: python make.py  (needs torch and transformers; the versions used are written into each file)."""
import base64
import json
import pathlib

import torch
import transformers
from torch import nn
from torch.nn import functional as F

FOLDER = pathlib.Path(__file__).parent
MADE_BY = f"tests/golden/classifiers/make.py, torch {torch.__version__}, transformers {transformers.__version__}"
STEP = dict(lr=1e-2, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.0)


def pack(tensor):
    data = tensor.detach().to(torch.float32).contiguous().numpy().tobytes()
    return {"shape": list(tensor.shape), "base64": base64.b64encode(data).decode()}


# transformers 5 names a ViT's layers anew in memory; files, old and new, have these
HUB_NAMES = {"vit.layers.": "vit.encoder.layer.", "attention.q_proj": "attention.attention.query",
             "attention.k_proj": "attention.attention.key", "attention.v_proj": "attention.attention.value",
             "attention.o_proj": "attention.output.dense", "mlp.fc1": "intermediate.dense", "mlp.fc2": "output.dense"}


def in_files(name):
    for new, old in HUB_NAMES.items() if name.startswith("vit.") else ():
        name = name.replace(new, old)
    return name


def save(name, config, model, x, loss, outputs, labels=None):
    gradients = {in_files(n): pack(p.grad) for n, p in model.named_parameters()}
    values = {in_files(n): pack(p) for n, p in before.items()}
    statistics = {n: pack(b) for n, b in model.named_buffers() if "running" in n}
    torch.optim.AdamW(model.parameters(), **STEP).step()
    last = list(dict(model.named_parameters()))[-1]
    golden = {"madeBy": MADE_BY, "config": config, "x": pack(x) if x.is_floating_point() else x.tolist(), "labels": labels,
              "loss": loss.item(), "outputs": {n: pack(o) for n, o in outputs.items()}, "parameters": values,
              "gradients": gradients, "statistics": statistics,
              "afterStep": {last: pack(dict(model.named_parameters())[last])}}
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps(golden) + "\n")
    print(path.name, path.stat().st_size, "bytes, loss", loss.item())


def keep(model):
    """Copies parameters and statistics, moved away from where a forgotten one would not be seen."""
    with torch.no_grad():
        for n, p in model.named_parameters():
            if p.ndim == 1 or p.shape[:2] == (1, 1):
                p.uniform_(0.5, 1.5)
    return {n: t.detach().clone() for n, t in model.state_dict().items() if "num_batches" not in n}


def classify(name, config, model, x, classes):
    global before
    before = keep(model)
    labels = torch.randint(0, classes, (len(x),))
    logits = model(x)
    logits = getattr(logits, "logits", logits)
    loss = F.cross_entropy(logits, labels)
    loss.backward()
    save(name, config, model, x, loss, {"logits": logits}, labels.tolist())


class Mlp(nn.Module):
    def __init__(self, sizes, activation):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        self.activation = activation

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        return self.layers[-1](x)


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 2, 5, padding=2), nn.Conv2d(2, 3, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(3, 5), nn.Linear(5, 4), nn.Linear(4, 3)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x.flatten(1))))))


class Block(nn.Module):
    def __init__(self, into, out, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(into, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out)
        self.conv2, self.bn2 = nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out)
        if stride != 1 or into != out:
            self.downsample = nn.Sequential(nn.Conv2d(into, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        shortcut = self.downsample(x) if hasattr(self, "downsample") else x
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + shortcut)


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(2, 4, 3, 1, 1, bias=False), nn.BatchNorm2d(4)
        self.layer1, self.layer2 = nn.Sequential(Block(4, 4, 1)), nn.Sequential(Block(4, 6, 2), Block(6, 6, 1))
        self.fc = nn.Linear(6, 3)

    def forward(self, x):
        x = self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x)))))
        return self.fc(x.mean((2, 3)))


class TextCnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 4)
        self.convs = nn.ModuleList(nn.Conv2d(4, 3, (1, size)) for size in (2, 3))
        self.fc = nn.Linear(6, 2)

    def forward(self, x):
        image = self.embedding(x).transpose(1, 2).unsqueeze(2)
        return self.fc(torch.cat([F.relu(conv(image)).amax((2, 3)) for conv in self.convs], 1))


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.project, self.norm1 = nn.ConvTranspose2d(3, 4, 2, bias=False), nn.BatchNorm2d(4)
        self.grow, self.norm2 = nn.ConvTranspose2d(4, 2, 4, 2, 1, bias=False), nn.BatchNorm2d(2)
        self.paint = nn.ConvTranspose2d(2, 1, 4, 2, 1, bias=False)

    def forward(self, noise):
        x = F.relu(self.norm1(self.project(noise[:, :, None, None])))
        return torch.tanh(self.paint(F.relu(self.norm2(self.grow(x)))))


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.look, self.shrink = nn.Conv2d(1, 2, 4, 2, 1, bias=False), nn.Conv2d(2, 4, 4, 2, 1, bias=False)
        self.norm, self.decide = nn.BatchNorm2d(4), nn.Conv2d(4, 1, 2, bias=False)

    def forward(self, x):
        x = F.leaky_relu(self.norm(self.shrink(F.leaky_relu(self.look(x), 0.2))), 0.2)
        return self.decide(x).flatten()


class Gan(nn.Module):
    def __init__(self):
        super().__init__()
        self.generator, self.discriminator = Generator(), Discriminator()


torch.manual_seed(7)
for activation, function in (("sigmoid", torch.sigmoid), ("tanh", torch.tanh), ("gelu", F.gelu)):
    sizes = dict(input_size=5, hidden_sizes=[6, 4], num_labels=3)
    classify(f"mlp-{activation}", dict(model_type="mlp", hidden_act=activation, **sizes), Mlp([5, 6, 4, 3], function),
             torch.randn(4, 5), 3)
lenet = dict(model_type="lenet", image_size=12, num_labels=3, conv_channels=[2, 3], hidden_sizes=[5, 4])
classify("lenet", lenet, LeNet(), torch.randn(4, 1, 12, 12), 3)
resnet = dict(model_type="resnet", num_channels=2, image_size=6, num_labels=3, hidden_sizes=[4, 6], depths=[1, 2])
classify("resnet", resnet, ResNet().train(), torch.randn(4, 2, 6, 6), 3)
text_cnn = dict(model_type="text_cnn", vocab_size=20, max_position_embeddings=7, embedding_size=4, kernel_sizes=[2, 3],
                num_filters=3, num_labels=2, dropout=0.0)
classify("text-cnn", text_cnn, TextCnn(), torch.randint(0, 20, (4, 7)), 2)
config = transformers.ViTConfig(image_size=6, patch_size=3, num_channels=2, hidden_size=8, intermediate_size=12,
                                num_hidden_layers=2, num_attention_heads=2, num_labels=3, initializer_range=0.3,
                                hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
config._attn_implementation = "eager"
classify("vit", json.loads(config.to_json_string(use_diff=False)), transformers.ViTForImageClassification(config).train(),
         torch.randn(4, 2, 6, 6), 3)

gan = Gan().train()
before = keep(gan)
noise = torch.randn(5, 3)
images = gan.generator(noise)
verdicts = gan.discriminator(images)
loss = F.binary_cross_entropy_with_logits(verdicts, torch.ones(5))
loss.backward()
save("gan", dict(model_type="gan", noise_size=3, image_size=8, num_channels=1, hidden_size=4), gan, noise, loss,
     {"images": images, "verdicts": verdicts})
