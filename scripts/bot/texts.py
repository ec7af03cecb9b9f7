"""The text that the embedding table is made from: only what may ship (see README.md)."""

import gzip
import json
import random
import re
from pathlib import Path

HERE = Path(__file__).parent
DEMO = HERE / "../../config/demo"

# What people ask about any service item; {} is its name or one of its aliases.
ABOUT_ITEM = """
{}怎么办理|办理{}需要什么材料|{}的申请条件|{}在哪里办|{}要多少钱|{}多久能办好|{}丢了怎么补办|{}到期了怎么办
网上能办{}吗|{}可以找人代办吗|{}怎么查询进度|怎么注销{}|{}信息变更|没有{}怎么办|外地人能办{}吗|{}被退回来了怎么办
第一次办{}|{}一定要本人去吗|{}的有效期是几年|{}怎么预约|孩子的{}怎么办|老人的{}怎么办|公司怎么申请{}|个人怎么申请{}
{}的标准是多少|{}可以异地办吗|手机上怎么弄{}|{}什么时候到账|{}审核没通过|{}跨区能办吗|不想要{}了怎么取消|{}和以前有什么不同
""".replace("\n", "|").strip("|").split("|")

# What people ask about anything at all: words of the dictionary, by part of speech, fill the places.
ABOUT_ANYTHING = """
{n}怎么{v}|什么{n}好|{n}和{n}有什么区别|{n}多少钱一个|哪里可以{v}{n}|为什么{n}会{v}|怎么{v}{n}|{n}是什么意思
{n}{a}吗|{a}的{n}有哪些|如何{v}{n}的{n}|{v}{n}有什么好处|{n}{v}了怎么办|{n}什么时候{v}|谁{v}了{n}|{n}能不能{v}
""".replace("\n", "|").strip("|").split("|")


def sentences(text, shortest=6, longest=40):
    """Sentences and clauses of a moderate length."""
    parts = re.split(r"[。！？；\n\r]|(?<=[\u4e00-\u9fff])[,，:：]", text)
    return [p.strip() for p in parts if shortest <= len(p.strip()) <= longest and re.search("[\u4e00-\u9fff]{3}", p)]


def taipei():
    with gzip.open(HERE / "text/taipei_gov_faq.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    questions = [row["question"] for row in rows]
    answers = [s for row in rows for s in sentences(row["answer"])[:6]]
    return questions, answers


def demo():
    entries = json.loads((DEMO / "entries.json").read_text(encoding="utf-8"))
    items = json.loads((DEMO / "items.json").read_text(encoding="utf-8"))
    questions = [q for e in entries for q in [e["question"], *e["similar"]]]
    answers = [s for e in entries for s in sentences(e["answer"])]
    names = [n for i in items for n in [i["name"], *i["aliases"]]]
    return questions, answers, names


def dictionary():
    """Words of jieba's dictionary with frequency and part of speech, most frequent first."""
    import jieba

    path = Path(jieba.__file__).parent / "dict.txt"
    rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    rows = [(word, int(count), kind) for word, count, kind in rows if re.fullmatch("[\u4e00-\u9fff]+", word)]
    return sorted(rows, key=lambda row: -row[1])


def small_talk():
    """The Chinese part of chatterbot-corpus (BSD)."""
    import chatterbot_corpus

    folder = Path(chatterbot_corpus.__file__).parent / "data/chinese"
    lines = [line for path in sorted(folder.glob("*.yml")) for line in path.read_text(encoding="utf-8").splitlines()]
    lines = [re.sub(r"^[\s-]+", "", line) for line in lines]
    return [line for line in lines if 4 <= len(line) <= 40 and re.search("[\u4e00-\u9fff]{3}", line)]


def lines(name):
    """The lines of a text of ours that are no comments, split at tabs."""
    rows = (HERE / "text" / name).read_text(encoding="utf-8").splitlines()
    return [row.split("\t") for row in rows if row and not row.startswith("#")]


def said():
    """What people type → the official name of what it is about."""
    return {question: matter for matter, question in lines("said.tsv")}


def everything(seed=1):
    """All sentences, each once, in an order that does not change; what was added later comes last."""
    chance = random.Random(seed)
    questions, answers = taipei()
    own_questions, own_answers, names = demo()
    made = [p.format(n) for n in names for p in chance.sample(ABOUT_ITEM, 3)]
    kinds = {k: [w for w, _, kind in dictionary()[:26_000] if kind.startswith(k) and 2 <= len(w) <= 4] for k in "nva"}
    for _ in range(7_000):
        pattern = chance.choice(ABOUT_ANYTHING)
        made.append(re.sub(r"\{(.)\}", lambda m: chance.choice(kinds[m[1]]), pattern))
    typed = said()
    strange = [question for question, in lines("strange.tsv")]
    everything = [*own_questions, *names, *questions, *own_answers, *answers, *small_talk(), *made]
    everything += [*typed.values(), *typed, *strange]
    return list(dict.fromkeys(everything))


def vocabulary(frequent=17_000):
    """Word → frequency: the dictionary's most frequent words, all others of it that our own text uses, and characters."""
    rows = dictionary()
    known = {word: count for word, count, _ in rows if len(word) <= 6}
    words = {word: count for word, count, _ in rows[:frequent] if len(word) <= 4}
    questions, _ = taipei()
    own_questions, own_answers, names = demo()
    import jieba

    typed = said()
    for text in [*questions, *own_questions, *own_answers, *names, *small_talk(), *typed.values(), *typed]:
        words.update({word: known[word] for word in jieba.cut_for_search(text, HMM=False) if word in known})
    for word in list(words):
        words.update({c: known.get(c, 1) for c in word})
    return dict(sorted(words.items(), key=lambda row: (-row[1], row[0])))
