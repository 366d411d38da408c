"""Makes preference.json and distillation.json beside it: losses and gradients of direct preference optimisation and of
distillation on a model of two matrices, by PyTorch's autograd. Run: python make.py (needs torch)."""
import json
import pathlib

import torch
import torch.nn.functional as F

torch.manual_seed(7)
HERE = pathlib.Path(__file__).parent
VOCABULARY, WIDTH, TIME, PAIRS = 11, 6, 5, 2
flat = lambda tensor: [round(x, 9) for x in tensor.detach().double().flatten().tolist()]
made_by = f"tests/golden/preference/make.py, torch {torch.__version__}"


def model(width):
    embedding = torch.randn(VOCABULARY, width, requires_grad=True)
    head = torch.randn(VOCABULARY, width, requires_grad=True)
    return embedding, head


def forward(parameters, tokens):
    """Hidden states, then logits: tanh between the two matrices."""
    hidden = torch.tanh(parameters[0][tokens])
    return hidden, hidden @ parameters[1].T


def log_probabilities(parameters, tokens, targets, learned):
    _, logits = forward(parameters, tokens)
    taken = F.log_softmax(logits, -1).gather(-1, targets[..., None])[..., 0]
    return (taken * learned).sum(-1)


policy, reference = model(WIDTH), model(WIDTH)
tokens = torch.randint(0, VOCABULARY, (2 * PAIRS, TIME))
targets = torch.randint(0, VOCABULARY, (2 * PAIRS, TIME))
learned = (torch.rand(2 * PAIRS, TIME) > 0.4).float()
learned[:, -1] = 1
cases = []
for beta in (0.1, 2.0):
    for parameter in policy:
        parameter.grad = None
    of_policy = log_probabilities(policy, tokens, targets, learned)
    of_reference = log_probabilities(reference, tokens, targets, learned).detach()
    gains = of_policy - of_reference
    margins = beta * (gains[:PAIRS] - gains[PAIRS:])
    loss = -F.logsigmoid(margins).mean()
    loss.backward()
    cases.append(dict(beta=beta, loss=loss.item(), margins=flat(margins), gradients=[flat(p.grad) for p in policy]))
content = dict(madeBy=made_by, vocabulary=VOCABULARY, width=WIDTH, time=TIME, pairs=PAIRS, policy=[flat(p) for p in policy],
               reference=[flat(p) for p in reference], tokens=tokens.tolist(), targets=targets.tolist(),
               learned=learned.int().tolist(), referenceLogProbabilities=flat(of_reference), cases=cases)
(HERE / "preference.json").write_text(json.dumps(content) + "\n")

TEACHER_WIDTH = 8
student, teacher = model(WIDTH), model(TEACHER_WIDTH)
projection = torch.randn(TEACHER_WIDTH, WIDTH, requires_grad=True)
cases = []
for alpha, temperature, hidden_weight in ((0.5, 2.0, 0.0), (1.0, 1.0, 0.0), (0.7, 4.0, 0.3)):
    for parameter in (*student, projection):
        parameter.grad = None
    hidden, logits = forward(student, tokens)
    teacher_hidden, teacher_logits = [x.detach() for x in forward(teacher, tokens)]
    count = learned.sum()
    hard = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view_as(learned)
    soft = F.kl_div(F.log_softmax(logits / temperature, -1), F.softmax(teacher_logits / temperature, -1), reduction="none").sum(-1)
    near = ((hidden @ projection.T - teacher_hidden) ** 2).mean(-1)
    each = alpha * temperature**2 * soft + (1 - alpha) * hard + hidden_weight * near
    loss = (each * learned).sum() / count
    loss.backward()
    gradients = [flat(p.grad if p.grad is not None else torch.zeros_like(p)) for p in (*student, projection)]
    cases.append(dict(alpha=alpha, temperature=temperature, hiddenWeight=hidden_weight, loss=loss.item(), gradients=gradients))
content = dict(madeBy=made_by, vocabulary=VOCABULARY, width=WIDTH, teacherWidth=TEACHER_WIDTH, time=TIME, rows=2 * PAIRS,
               student=[flat(p) for p in student], teacher=[flat(p) for p in teacher], projection=flat(projection),
               tokens=tokens.tolist(), targets=targets.tolist(), learned=learned.int().tolist(), cases=cases)
(HERE / "distillation.json").write_text(json.dumps(content) + "\n")
