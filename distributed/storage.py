"""The run directory as a worker sees it: a folder, or a place of an object store by its URI. A checkpoint appears whole or
not at all: in a folder by renaming, in a store because its manifest, without which it does not count, is written last."""

import contextlib
import json
import os
import secrets
import shutil
import tempfile
import time
from pathlib import Path

from problem import MoatError
from store_problems import explained_store, may_pass

MANIFEST = "manifest.json"
# a store has no appending: the whole file is written again, but for mere steps not more often than this
REWRITE_SECONDS = 5
LOOK_SECONDS = 2
# how long training waits for a store that answered before, beside what its library tries
PATIENCE_SECONDS = 300
PAUSE_SECONDS = 5


def open_place(location: str):
    return RemotePlace(location) if "://" in location else LocalPlace(Path(location))


class LocalPlace:
    def __init__(self, root: Path):
        self.root = root
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MoatError(
                "storage-not-shared",
                f"{root}: this worker cannot make the run's directory: {error.strerror}",
                "Give a place that this machine and the workers see and may write.",
            ) from None
        self.ended = set()

    def read(self, name: str) -> bytes | None:
        try:
            return (self.root / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        target = self.root / name
        temporary = target.with_name(f"{target.name}.{secrets.token_hex(6)}.partial")
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(target)

    def create(self, name: str, content: bytes) -> bool:
        """Whole, unless there is one. @returns whether it was made"""
        target = self.root / name
        target.parent.mkdir(exist_ok=True)
        aside = target.with_name(f"{target.name}.{secrets.token_hex(6)}.partial")
        aside.write_bytes(content)
        try:
            os.link(aside, target)
        except FileExistsError:
            return False
        finally:
            aside.unlink()
        return True

    def files_in(self, name: str) -> list[str]:
        folder = self.root / name
        return [entry.name for entry in folder.iterdir()] if folder.is_dir() else []

    def exists(self, name: str) -> bool:
        return (self.root / name).exists()

    def is_asked(self, name: str) -> bool:
        return self.exists(name)

    def remove(self, name: str) -> None:
        (self.root / name).unlink(missing_ok=True)

    def writes_now(self, urgent: bool) -> bool:
        """Whether the next `append` reaches the storage."""
        return True

    def append(self, name: str, text: str, urgent: bool) -> None:
        with (self.root / name).open("a+b") as file:
            if name not in self.ended:
                self._end_torn_line(file)
                self.ended.add(name)
            file.write(text.encode())
            if urgent:
                file.flush()
                os.fsync(file.fileno())

    @staticmethod
    def _end_torn_line(file) -> None:
        """A killed worker may have left half a line; a line break keeps the next event apart from it."""
        if file.seek(0, os.SEEK_END) > 0:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")

    def folders(self, name: str) -> list[str]:
        folder = self.root / name
        return [entry.name for entry in folder.iterdir() if entry.is_dir()] if folder.is_dir() else []

    def fetch(self, name: str, into: Path) -> Path:
        """A folder of the run on this machine."""
        return self.root / name

    def new_folder(self, name: str) -> Path:
        """Where a folder is filled before `put_folder` makes it appear."""
        target = self.root / name
        target.parent.mkdir(exist_ok=True)
        for leftover in target.parent.glob("*.partial"):  # of saves and removals that were killed
            shutil.rmtree(leftover, ignore_errors=True)
        temporary = target.with_name(f"{target.name}.{secrets.token_hex(6)}.partial")
        temporary.mkdir()
        return temporary

    def put_folder(self, filled: Path, name: str) -> None:
        target = self.root / name
        aside = target.with_name(f"{target.name}.replaced")
        if target.exists():
            target.rename(aside)
        filled.rename(target)
        descriptor = os.open(target.parent, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
        shutil.rmtree(aside, ignore_errors=True)

    def remove_folder(self, name: str) -> None:
        doomed = self.root / f"{name}.removed.partial"
        (self.root / name).rename(doomed)
        shutil.rmtree(doomed)


class RemotePlace:
    """Below a URI that fsspec knows. Buckets have no folders: a name is there with the first file below it."""

    def __init__(self, location: str):
        self.location = location.rstrip("/")
        self.store = Store(location)
        self.texts: dict[str, str] = {}
        self.written = 0.0
        self.pause = REWRITE_SECONDS
        self.looked: dict[str, float] = {}

    def read(self, name: str) -> bytes | None:
        return self.store.read(name)

    def write(self, name: str, content: bytes) -> None:
        self.store.call("pipe_file", name, content)

    def create(self, name: str, content: bytes) -> bool:
        try:
            # `If-None-Match: *` on S3, a generation of 0 on Google's
            self.store.call("pipe_file", name, content, mode="create")
        except (OSError, MoatError):
            # libraries and stores say in many ways that there is one
            if self.read(name) is None:
                raise
        # also where the answer was lost: whose content is there has made it
        return self.read(name) == content

    def files_in(self, name: str) -> list[str]:
        return [each for each, _ in self.store.entries(name)]

    def exists(self, name: str) -> bool:
        # by reading it: asking after what is not there takes most libraries two requests
        return self.read(name) is not None

    def is_asked(self, name: str) -> bool:
        """`exists`, for what is asked after each step: a request takes longer than a small step, and costs money."""
        if time.monotonic() - self.looked.get(name, -LOOK_SECONDS) < LOOK_SECONDS:
            return False
        found = self.exists(name)
        self.looked[name] = time.monotonic()
        return found

    def remove(self, name: str) -> None:
        if self.exists(name):
            self.store.call("rm_file", name)

    def writes_now(self, urgent: bool) -> bool:
        return urgent or time.monotonic() - self.written > self.pause

    def append(self, name: str, text: str, urgent: bool) -> None:
        if name not in self.texts:
            before = (self.read(name) or b"").decode()
            self.texts[name] = before if before == "" or before.endswith("\n") else before + "\n"
        self.texts[name] += text
        if self.writes_now(urgent):
            started = time.monotonic()
            self.write(name, self.texts[name].encode())
            self.written = time.monotonic()
            # the file of a long run is large: writing it takes 5 % of the time at most
            self.pause = max(REWRITE_SECONDS, 20 * (self.written - started))

    def folders(self, name: str) -> list[str]:
        """Those that are whole."""
        return [each for each in self._folders(name) if self.exists(f"{name}/{each}/{MANIFEST}")]

    def _folders(self, name: str) -> list[str]:
        return [each for each, kind in self.store.entries(name) if kind == "directory"]

    def fetch(self, name: str, into: Path) -> Path:
        target = into / name
        if not target.exists():
            filling = target.with_name(f"{target.name}.{secrets.token_hex(6)}.partial")
            filling.mkdir(parents=True, exist_ok=True)
            manifest = self.read(f"{name}/{MANIFEST}") or b'{"files": {}}'
            (filling / MANIFEST).write_bytes(manifest)
            # what else lies there is left of an upload that never ended; what is missing, `verify` says
            for file in json.loads(manifest)["files"]:
                with contextlib.suppress(FileNotFoundError):
                    self.store.call("get_file", f"{name}/{file}", to=filling / file)
            filling.rename(target)
        return target

    def new_folder(self, name: str) -> Path:
        parent, own = name.rsplit("/", 1)
        for each in set(self._folders(parent)) - set(self.folders(parent)) - {own}:
            self._remove_all(f"{parent}/{each}")  # of uploads and removals that were killed
        return Path(tempfile.mkdtemp(prefix="moat-checkpoint-"))

    def put_folder(self, filled: Path, name: str) -> None:
        self.remove(f"{name}/{MANIFEST}")
        for file in sorted(filled.iterdir(), key=lambda each: each.name == MANIFEST):
            self.store.call("put_file", f"{name}/{file.name}", source=file)
        shutil.rmtree(filled)

    def remove_folder(self, name: str) -> None:
        self.remove(f"{name}/{MANIFEST}")
        self._remove_all(name)

    def _remove_all(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):  # another attempt was faster
            self.store.call("rm", name, recursive=True)


class Store:
    """fsspec's file system of a URI. What it raises becomes one line; a bad minute of the store is waited for."""

    def __init__(self, location: str):
        import fsspec

        self.location = location.rstrip("/")
        # elsewhere it would make the folders of a file, of buckets it would make the bucket
        options = {"auto_mkdir": True} if location.startswith("file:") else {}
        try:
            self.files, self.root = fsspec.core.url_to_fs(self.location, **options)
        except ImportError as error:
            raise MoatError(
                "storage-not-shared",
                f"{location}: {error}",
                "Install distributed/requirements-s3.txt there (gcsfs for gs://).",
            ) from None
        self.answered = False

    def call(self, method: str, name: str, *args, to: Path | None = None, source: Path | None = None, **options):
        """@throws FileNotFoundError, FileExistsError; MoatError for all else"""
        paths = [f"{self.root.rstrip('/')}/{name}", *([] if to is None else [str(to)])]
        if source is not None:
            paths = [str(source), *paths]
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            self.files.invalidate_cache()
            try:
                result = getattr(self.files, method)(*paths, *args, **options)
                self.answered = True
                return result
            except (FileNotFoundError, FileExistsError) as error:
                self.answered = True
                if "bucket" in str(error):
                    raise explained_store(self.location, error) from None
                raise
            except Exception as error:  # every library has its own  # noqa: BLE001
                # one that never answered is a wrong address rather than a bad minute
                if not (self.answered and may_pass(error) and time.monotonic() < until):
                    raise explained_store(self.location, error) from None
            time.sleep(PAUSE_SECONDS)

    def read(self, name: str) -> bytes | None:
        try:
            return self.call("cat_file", name)
        except FileNotFoundError:
            return None

    def entries(self, name: str) -> list[tuple[str, str]]:
        """Names of a folder, and what each is."""
        try:
            found = self.call("ls", name, detail=True)
        except FileNotFoundError:
            return []
        return [(each["name"].rstrip("/").rsplit("/", 1)[-1], each["type"]) for each in found]


def fetch_data(location: str, job_folder: Path, names: list[str], into: Path) -> Path:
    """The folder of the shards on this machine: beside the job when relative, else where it lies or a copy."""
    if "://" not in location:
        return job_folder / location
    store = Store(location)
    missing = MoatError("shard-damaged", f"{location}: not all of it is there", "Copy the folder of the shards there.")
    for name in names:
        _fetch(store, name, into / "shards" / name, missing)
    return into / "shards"


def fetch_start(location: str, job_folder: Path, into: Path) -> Path:
    """The first weights on this machine, as `fetch_data`."""
    if "://" not in location:
        return job_folder / location
    folder, name = location.rsplit("/", 1)
    missing = MoatError(
        "start-damaged", f"{location}: the file of the first weights is missing", "Start the run again."
    )
    return _fetch(Store(folder), name, into / name, missing)


def _fetch(store: Store, name: str, target: Path, missing: MoatError) -> Path:
    """Whole, unless it is there."""
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.{secrets.token_hex(6)}.partial")
    try:
        store.call("get_file", name, to=partial)
    except FileNotFoundError:
        raise missing from None
    partial.rename(target)
    return target
