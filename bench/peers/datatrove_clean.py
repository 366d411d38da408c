"""datatrove cleans a file of JSON lines as FineWeb was cleaned: repetition and quality of Gopher, C4, FineWeb, then MinHash.

First line of input: {"file": path, "workers": number}. Then per line "run": one pass over all documents, everything in
memory but the signatures, which datatrove keeps in files; answers {"seconds", "kept"}. Languages are not identified.
Workers are started and warmed up before, and each filters and signs its share; buckets and clusters are one task.
"""
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from importlib.metadata import version

os.environ.update(TQDM_DISABLE="1", OMP_NUM_THREADS="1")
# a program beside this one has the name of a library that datatrove imports
sys.path = [folder for folder in sys.path if os.path.abspath(folder) != os.path.dirname(os.path.abspath(__file__))]
from datatrove.data import Document
from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.filters import (C4QualityFilter, FineWebQualityFilter, GopherQualityFilter,
                                        GopherRepetitionFilter)
from datatrove.utils.logging import logger

logger.remove()


def read(file):
    with open(file, encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


class Filters:
    def __init__(self):
        self.filters = [GopherRepetitionFilter(), GopherQualityFilter(), C4QualityFilter(), FineWebQualityFilter()]

    def keep(self, texts, rank):
        data = (Document(text=text, id=f"{rank}/{at}") for at, text in enumerate(texts))
        for each in self.filters:
            data = each.run(data, rank, 1)
        return list(data)


FILTERS = None
TEXTS = None


def prepare(file):
    global FILTERS, TEXTS
    FILTERS, TEXTS = Filters(), read(file)
    FILTERS.keep(TEXTS[:20], 0)


def sign(task):
    """A worker's part: filters, then signatures. Returns the documents that it kept."""
    rank, workers, folder = task
    share = len(TEXTS) // workers + 1
    kept = FILTERS.keep(TEXTS[rank * share:(rank + 1) * share], rank)
    config = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8)
    MinhashDedupSignature(f"{folder}/signatures", config=config).run(iter(kept), rank, workers)
    return kept


def clean(workers, pool):
    folder = tempfile.mkdtemp(prefix="datatrove-")
    try:
        started = time.perf_counter()
        tasks = [(rank, workers, folder) for rank in range(workers)]
        shares = [sign(task) for task in tasks] if pool is None else pool.map(sign, tasks, chunksize=1)
        config = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8)
        for bucket in range(14):
            MinhashDedupBuckets(f"{folder}/signatures", f"{folder}/buckets", config=config).run(None, bucket, 14)
        MinhashDedupCluster(f"{folder}/buckets", f"{folder}/removed", config=config).run(None, 0, 1)
        kept = 0
        for rank, share in enumerate(shares):
            kept += sum(1 for _ in MinhashDedupFilter(f"{folder}/removed").run(iter(share), rank, workers))
        return {"seconds": time.perf_counter() - started, "kept": kept}
    finally:
        shutil.rmtree(folder)


def main():
    settings = json.loads(sys.stdin.readline())
    workers = settings["workers"]
    prepare(settings["file"])
    pool = None if workers == 1 else multiprocessing.Pool(workers, prepare, (settings["file"],))
    print(json.dumps({"version": f"datatrove {version('datatrove')}"}), flush=True)
    for line in sys.stdin:
        if line.strip() == "quit":
            break
        print(json.dumps(clean(workers, pool)), flush=True)


if __name__ == "__main__":
    main()
