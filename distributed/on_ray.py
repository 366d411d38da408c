"""The same run on a Ray cluster: Ray Train starts the workers, joins them in a process group and starts them anew, from the
last checkpoint, when one dies. `train` is what they do under any launcher."""

import json
import os
import signal
import tempfile
import uuid
from pathlib import Path

# equal lines of several workers are lines of their own: the client reads them
os.environ.setdefault("RAY_DEDUP_LOGS", "0")
os.environ.setdefault("RAY_TRAIN_V2_ENABLED", "1")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import ray
import ray.train
from attempts import newest_attempt, read_attempt
from events import EventLog, now
from probe import check_probe
from problem import MoatError
from ray.train import FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer
from ray.util.placement_group import placement_group, remove_placement_group
from storage import open_place


def _work(settings: dict) -> dict | None:
    """On each worker. @returns an error that starting anew would not mend; all others are raised, and Ray starts anew"""
    import worker

    # the job's folder is the working directory of its workers
    folder = Path(worker.__file__).resolve().parent
    context = ray.train.get_context()
    local = context.get_local_world_size()
    try:
        worker.train(
            settings["job"], folder, context.get_local_rank(), local, -(-context.get_world_size() // local), "ray"
        )
    except MoatError as error:
        return {"code": error.code, "what": error.what, "fix": error.fix}
    return None


def begin_run(job: dict, again: bool):
    """The run's directory, with what it was asked to do. @throws MoatError `storage-not-shared`, `run-exists`"""
    check_probe()
    place = open_place(job["runDirectory"])
    existing = place.read("config.json")
    if job["resume"] is None and existing is not None and not again:
        raise MoatError(
            "run-exists",
            f"{job['runDirectory']}: a run of this name exists",
            "Continue it with --resume, or choose another --name.",
        )
    if existing is None:
        place.write("config.json", (json.dumps(job["config"], indent=2, ensure_ascii=False) + "\n").encode())
    place.remove("stop")
    return place


def make_room(job: dict, bundle: dict) -> None:
    """Waits until the cluster, which may be growing, has place for the workers. @throws MoatError `cluster-too-small`"""
    wanted = placement_group([bundle] * job["workers"])
    try:
        ray.get(wanted.ready(), timeout=job["waitSeconds"])
    except ray.exceptions.GetTimeoutError:
        there = {name: ray.cluster_resources().get(name, 0) for name in bundle}
        raise MoatError(
            "cluster-too-small",
            f"no room for {job['workers']} workers of {bundle} within {job['waitSeconds']} s; the cluster has {there}",
            "Take fewer --workers, or wait until other jobs have ended.",
        ) from None
    finally:
        remove_placement_group(wanted)


def run_on_ray(job: dict, folder: Path, again: bool) -> int:
    # a job of the Jobs API brings the folder along by itself
    submitted = "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ
    ray.init(address="auto", **({} if submitted else {"runtime_env": {"working_dir": str(folder)}}))
    gpus = ray.cluster_resources().get("GPU", 0)
    if job["device"] == "cuda" and gpus == 0:
        raise MoatError("no-gpu", "the cluster has no GPU", "Leave the device out to train on processors.")
    use_gpu = job["device"] == "cuda" or (job["device"] == "auto" and gpus > 0)
    bundle = {"CPU": job["threadsPerWorker"] or 1, **({"GPU": 1} if use_gpu else {})}
    place = begin_run(job, again)
    job = {**job, "launch": uuid.uuid4().hex}
    before = newest_attempt(place)

    def is_newest() -> bool:
        number = newest_attempt(place)
        return number == before or read_attempt(place, number).get("launch") == job["launch"]

    make_room(job, bundle)
    # Ray's way of asking a job to end; the workers look for the file
    signal.signal(signal.SIGTERM, lambda *_: place.write("stop", b"") if is_newest() else None)
    trainer = TorchTrainer(
        _work,
        train_loop_config={"job": job},
        scaling_config=ScalingConfig(num_workers=job["workers"], use_gpu=use_gpu, resources_per_worker=bundle),
        run_config=RunConfig(
            name=job["id"],
            storage_path=str(Path(tempfile.gettempdir()) / "moat-ray-train"),
            failure_config=FailureConfig(max_failures=job["maxRestarts"]),
        ),
    )
    try:
        problem = trainer.fit().return_value
        error = MoatError(**problem) if problem else None
    except ray.train.TrainingFailedError as failed:
        what = str(failed).strip().splitlines()[-1]
        error = MoatError(
            "workers-failed",
            f"the workers failed more than {job['maxRestarts']} times; the last time: {what}",
            "What is saved is whole: look at the job's log, then go on with --resume.",
        )
    if error is None:
        return 0
    # how a run that others train meanwhile ends is theirs to say
    if is_newest():
        number = newest_attempt(place)
        EventLog(place).append({**failure_event(place, error), **({"attempt": number} if number > before else {})})
    raise error


def failure_event(place, error: MoatError) -> dict:
    """How a run ends that could not go on: where its events had come to."""
    event = {
        "type": "done",
        "time": now(),
        "step": 0,
        "reason": "failed",
        "loss": None,
        "elapsedSeconds": 0,
        "tokensSeen": 0,
        "message": error.what,
    }
    for line in (place.read("events.jsonl") or b"").splitlines():
        try:
            earlier = json.loads(line)
        except ValueError:
            continue
        if earlier.get("type") == "step":
            event["step"], event["elapsedSeconds"] = earlier["step"], earlier["elapsedSeconds"]
            event["tokensSeen"] = earlier["step"] * earlier["tokens"]
    return event
