"""The run directory as a worker sees it: a folder, or a place of an object store by its URI. A checkpoint appears whole or
not at all: in a folder by renaming, in a store because its manifest, without which it does not count, is written last."""

import os
import secrets
import shutil
import tempfile
import time
from pathlib import Path

from problem import MoatError

MANIFEST = "manifest.json"
# a store has no appending: the whole file is written again, but for mere steps not more often than this
REWRITE_SECONDS = 10


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
    def __init__(self, location: str):
        import fsspec

        try:
            self.files, self.root = fsspec.core.url_to_fs(location)
        except ImportError as error:
            raise MoatError(
                "storage-not-shared", f"{location}: {error}", "Add the package to distributed/requirements.txt."
            ) from None
        self.texts: dict[str, str] = {}
        self.written = 0.0

    def _at(self, name: str) -> str:
        return f"{self.root.rstrip('/')}/{name}"

    def read(self, name: str) -> bytes | None:
        try:
            return self.files.cat_file(self._at(name))
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        self.files.makedirs(self.root, exist_ok=True)
        self.files.pipe_file(self._at(name), content)

    def create(self, name: str, content: bytes) -> bool:
        self.files.makedirs(self._at(name).rsplit("/", 1)[0], exist_ok=True)
        try:
            # `If-None-Match: *` on S3, a generation of 0 on Google's
            self.files.pipe_file(self._at(name), content, mode="create")
        except OSError:
            if self.read(name) is None:
                raise
        # also where the answer was lost: whose content is there has made it
        return self.read(name) == content

    def files_in(self, name: str) -> list[str]:
        self.files.invalidate_cache()
        try:
            return [each.rstrip("/").rsplit("/", 1)[-1] for each in self.files.ls(self._at(name), detail=False)]
        except FileNotFoundError:
            return []

    def exists(self, name: str) -> bool:
        self.files.invalidate_cache()
        return self.files.exists(self._at(name))

    def remove(self, name: str) -> None:
        if self.exists(name):
            self.files.rm_file(self._at(name))

    def writes_now(self, urgent: bool) -> bool:
        return urgent or time.monotonic() - self.written > REWRITE_SECONDS

    def append(self, name: str, text: str, urgent: bool) -> None:
        if name not in self.texts:
            before = (self.read(name) or b"").decode()
            self.texts[name] = before if before == "" or before.endswith("\n") else before + "\n"
        self.texts[name] += text
        if self.writes_now(urgent):
            self.write(name, self.texts[name].encode())
            self.written = time.monotonic()

    def folders(self, name: str) -> list[str]:
        self.files.invalidate_cache()
        try:
            entries = self.files.ls(self._at(name), detail=True)
        except FileNotFoundError:
            return []
        names = [entry["name"].rstrip("/").rsplit("/", 1)[-1] for entry in entries if entry["type"] == "directory"]
        return [each for each in names if self.files.exists(self._at(f"{name}/{each}/{MANIFEST}"))]

    def fetch(self, name: str, into: Path) -> Path:
        target = into / name
        if not target.exists():
            filling = target.with_name(f"{target.name}.{secrets.token_hex(6)}.partial")
            filling.parent.mkdir(parents=True, exist_ok=True)
            self.files.get(self._at(name) + "/", f"{filling}/", recursive=True)
            filling.rename(target)
        return target

    def new_folder(self, name: str) -> Path:
        return Path(tempfile.mkdtemp(prefix="moat-checkpoint-"))

    def put_folder(self, filled: Path, name: str) -> None:
        if self.exists(f"{name}/{MANIFEST}"):
            self.remove_folder(name)
        self.files.makedirs(self._at(name), exist_ok=True)
        for file in sorted(filled.iterdir(), key=lambda each: each.name == MANIFEST):
            self.files.put_file(str(file), self._at(f"{name}/{file.name}"))
        shutil.rmtree(filled)

    def remove_folder(self, name: str) -> None:
        self.files.rm_file(self._at(f"{name}/{MANIFEST}"))
        self.files.rm(self._at(name), recursive=True)


def fetch_data(location: str, job_folder: Path, names: list[str], into: Path) -> Path:
    """The folder of the shards on this machine: beside the job when relative, else where it lies or a copy."""
    if "://" not in location:
        return job_folder / location
    import fsspec

    files, root = fsspec.core.url_to_fs(location)
    target = into / "shards"
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        if (target / name).exists():
            continue
        partial = target / f"{name}.{secrets.token_hex(6)}.partial"
        try:
            files.get_file(f"{root.rstrip('/')}/{name}", str(partial))
        except FileNotFoundError:
            raise MoatError(
                "shard-damaged", f"{location}/{name}: not there", "Copy the folder of the shards there."
            ) from None
        partial.rename(target / name)
    return target
