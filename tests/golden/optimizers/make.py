"""Makes optimizers.json beside it: parameters after each step of torch.optim on fixed random gradients.
Run: python make.py  (needs torch; the version used is written into the file)."""
import json
import pathlib

import torch

LENGTH, STEPS = 7, 6


def run(make, settings, seed):
    generator = torch.Generator().manual_seed(seed)
    parameter = torch.nn.Parameter(torch.randn(LENGTH, generator=generator))
    optimizer = make(parameter)
    result = dict(settings=settings, start=parameter.tolist(), gradients=[], parameters=[])
    for _ in range(STEPS):
        # several orders of magnitude, so that epsilon and the bias corrections matter
        gradient = torch.randn(LENGTH, generator=generator) * 10 ** torch.linspace(-6, 1, LENGTH)
        parameter.grad = gradient.clone()
        optimizer.step()
        result["gradients"].append(gradient.tolist())
        result["parameters"].append(parameter.tolist())
    return result


def adamw(learning_rate, beta1, beta2, epsilon, weight_decay):
    settings = dict(learningRate=learning_rate, beta1=beta1, beta2=beta2, epsilon=epsilon, weightDecay=weight_decay)
    return run(lambda p: torch.optim.AdamW([p], lr=learning_rate, betas=(beta1, beta2), eps=epsilon,
                                           weight_decay=weight_decay), settings, seed=1)


def sgd(learning_rate, factor, weight_decay):
    settings = dict(learningRate=learning_rate, factor=factor, weightDecay=weight_decay)
    return run(lambda p: torch.optim.SGD([p], lr=learning_rate, momentum=factor, weight_decay=weight_decay),
               settings, seed=2)


golden = dict(
    torch=torch.__version__,
    adamw=[adamw(1e-3, 0.9, 0.999, 1e-8, 0.01), adamw(0.2, 0.8, 0.95, 1e-10, 0.0), adamw(0.02, 0.9, 0.95, 1e-5, 0.1)],
    sgd=[sgd(0.1, 0.9, 0.0), sgd(0.02, 0.95, 0.1)],
)
pathlib.Path(__file__).with_name("optimizers.json").write_text(json.dumps(golden) + "\n")
