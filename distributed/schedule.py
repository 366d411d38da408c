"""Learning-rate schedules as factors of the peak rate over a run's progress: `src/lab/train/schedule.ts`."""

import math


def learning_rate_scale(settings: dict, step: int, progress: float) -> float:
    """`step` is the 1-based step about to be taken, `progress` how much of the run lies behind it, in [0, 1]."""
    warmup_steps = settings["warmupSteps"]
    warmup = min(1.0, step / warmup_steps) if warmup_steps > 0 else 1.0
    shape = _stable_then_linear if settings["kind"] == "wsd" else _half_cosine
    return warmup * shape(settings, progress)


def _stable_then_linear(settings: dict, progress: float) -> float:
    decay, final = settings["decayFraction"], settings["finalScale"]
    if progress <= 1 - decay:
        return 1.0
    return final + (1 - final) * max(0.0, (1 - progress) / decay)


def _half_cosine(settings: dict, progress: float) -> float:
    final = settings["finalScale"]
    return final + (1 - final) * (1 + math.cos(math.pi * min(1.0, progress))) / 2
