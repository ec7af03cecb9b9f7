"""Writes text/homophones.json: for a frequent character the most frequent other one that sounds the same."""

import json

from pypinyin import lazy_pinyin

import texts

letters = [word for word, _, _ in texts.dictionary() if len(word) == 1][:2500]
by_sound = {}
for letter in letters:
    by_sound.setdefault(lazy_pinyin(letter)[0], []).append(letter)
pairs = {c: next(o for o in same if o != c) for same in by_sound.values() if len(same) > 1 for c in same}
(texts.HERE / "text/homophones.json").write_text(json.dumps(pairs, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
