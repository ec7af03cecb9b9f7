#!/usr/bin/env python3
"""Writes src/media/src/audio/testdata/g711.tsv: what CPython's `audioop` (till 3.12) makes of every code and every sample.

Lines: `decode LAW CODE SAMPLE`, and `encode LAW FIRST_SAMPLE CODE`, the latter where the code changes as samples of 16 bits
grow from -32768 on. The values are those of ITU-T G.711; `audioop` is only somebody else's reading of it.
"""

import audioop
import pathlib
import struct

LAWS = {"a": (audioop.alaw2lin, audioop.lin2alaw), "u": (audioop.ulaw2lin, audioop.lin2ulaw)}
PATH = pathlib.Path(__file__).parent.parent / "src/media/src/audio/testdata/g711.tsv"

lines = []
for law, (decode, encode) in LAWS.items():
    for code in range(256):
        lines.append(f"decode\t{law}\t{code}\t{struct.unpack('<h', decode(bytes([code]), 2))[0]}")
    last = None
    for sample in range(-32768, 32768):
        code = encode(struct.pack("<h", sample), 2)[0]
        if code != last:
            lines.append(f"encode\t{law}\t{sample}\t{code}")
        last = code
PATH.write_text("\n".join(lines) + "\n")
