#!/usr/bin/env python3
"""Checks an evidence package with the standard library of Python 3.9 or newer.

    python3 verify.py [--all] [FOLDER]

FOLDER is the unpacked package. Default: the folder of this script. SHA-256 and the structure are always checked, SM3
where hashlib has it. --all checks BLAKE3 and SM3 in any case, with slow code. Status: 0 all well, 1 not.
"""
import hashlib
import os
import struct
import sys

CHUNK = 1 << 20
MASK = 0xFFFFFFFF
TAGS = ["bagit.txt", "bag-info.txt", "manifest-sha256.txt", "manifest-sm3.txt", "manifest-blake3.txt",
        "校验说明.md", "verify.html", "verify.py"]
LATER = ("proof/", "timestamps/", "PROOF.json")


class Sm3:
    """GB/T 32905-2016, slow."""

    def __init__(self):
        self.state = [0x7380166F, 0x4914B2B9, 0x172442D7, 0xDA8A0600, 0xA96F30BC, 0x163138AA, 0xE38DEE4D, 0xB0FB0E4E]
        self.rest, self.length = b"", 0

    def update(self, data):
        self.length += len(data)
        data = self.rest + data
        end = len(data) - len(data) % 64
        for at in range(0, end, 64):
            self._block(data[at:at + 64])
        self.rest = data[end:]

    def hexdigest(self):
        bits = self.length * 8
        self.update(b"\x80" + b"\0" * ((55 - self.length) % 64) + struct.pack(">Q", bits))
        return "".join("%08x" % word for word in self.state)

    def _block(self, block):
        def rol(x, n):
            n %= 32
            return ((x << n) | (x >> (32 - n))) & MASK

        w = list(struct.unpack(">16I", block))
        for j in range(16, 68):
            x = w[j - 16] ^ w[j - 9] ^ rol(w[j - 3], 15)
            w.append(x ^ rol(x, 15) ^ rol(x, 23) ^ rol(w[j - 13], 7) ^ w[j - 6])
        a, b, c, d, e, f, g, h = self.state
        for j in range(64):
            t = 0x79CC4519 if j < 16 else 0x7A879D8A
            ss1 = rol((rol(a, 12) + e + rol(t, j)) & MASK, 7)
            ss2 = ss1 ^ rol(a, 12)
            ff = a ^ b ^ c if j < 16 else (a & b) | (a & c) | (b & c)
            gg = e ^ f ^ g if j < 16 else (e & f) | (~e & MASK & g)
            tt1 = (ff + d + ss2 + (w[j] ^ w[j + 4])) & MASK
            tt2 = (gg + h + ss1 + w[j]) & MASK
            d, c, b, a = c, rol(b, 9), a, tt1
            h, g, f, e = g, rol(f, 19), e, tt2 ^ rol(tt2, 9) ^ rol(tt2, 17)
        self.state = [x ^ y for x, y in zip(self.state, (a, b, c, d, e, f, g, h))]


class Blake3:
    """BLAKE3 without a key, slow."""

    IV = [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19]
    PERMUTATION = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8]
    START, END, PARENT, ROOT = 1, 2, 4, 8

    def __init__(self):
        self.rest, self.chunks, self.stack = b"", 0, []

    def update(self, data):
        data = self.rest + data
        at = 0
        # The last chunk is kept: it may be the root.
        while len(data) - at > 1024:
            self._add(self._chunk(data[at:at + 1024], self.chunks, 0))
            self.chunks += 1
            at += 1024
        self.rest = data[at:]

    def _add(self, value):
        total = self.chunks + 1
        while total & 1 == 0:
            value = self._parent(self.stack.pop(), value, 0)
            total >>= 1
        self.stack.append(value)

    def hexdigest(self):
        if not self.stack:
            return self._hex(self._chunk(self.rest, self.chunks, self.ROOT))
        value = self._chunk(self.rest, self.chunks, 0)
        while self.stack:
            left = self.stack.pop()
            value = self._parent(left, value, 0 if self.stack else self.ROOT)
        return self._hex(value)

    @staticmethod
    def _hex(words):
        return struct.pack("<8I", *words).hex()

    def _chunk(self, data, counter, root):
        blocks = [data[at:at + 64] for at in range(0, len(data), 64)] or [b""]
        value = self.IV
        for index, block in enumerate(blocks):
            flags = self.START if index == 0 else 0
            if index == len(blocks) - 1:
                flags |= self.END | root
            words = struct.unpack("<16I", block.ljust(64, b"\0"))
            value = self._compress(value, words, counter, len(block), flags)
        return value

    def _parent(self, left, right, root):
        return self._compress(self.IV, tuple(left) + tuple(right), 0, 64, self.PARENT | root)

    def _compress(self, value, words, counter, length, flags):
        v = list(value) + self.IV[:4] + [counter & MASK, counter >> 32, length, flags]
        m = list(words)

        def g(a, b, c, d, x, y):
            v[a] = (v[a] + v[b] + x) & MASK
            t = v[d] ^ v[a]
            v[d] = (t >> 16 | t << 16) & MASK
            v[c] = (v[c] + v[d]) & MASK
            t = v[b] ^ v[c]
            v[b] = (t >> 12 | t << 20) & MASK
            v[a] = (v[a] + v[b] + y) & MASK
            t = v[d] ^ v[a]
            v[d] = (t >> 8 | t << 24) & MASK
            v[c] = (v[c] + v[d]) & MASK
            t = v[b] ^ v[c]
            v[b] = (t >> 7 | t << 25) & MASK

        for turn in range(7):
            g(0, 4, 8, 12, m[0], m[1])
            g(1, 5, 9, 13, m[2], m[3])
            g(2, 6, 10, 14, m[4], m[5])
            g(3, 7, 11, 15, m[6], m[7])
            g(0, 5, 10, 15, m[8], m[9])
            g(1, 6, 11, 12, m[10], m[11])
            g(2, 7, 8, 13, m[12], m[13])
            g(3, 4, 9, 14, m[14], m[15])
            m = [m[i] for i in self.PERMUTATION]
        return [v[i] ^ v[i + 8] for i in range(8)]


def sm3_of_hashlib():
    try:
        return hashlib.new("sm3")
    except (ValueError, TypeError):
        return None


def hashers(algorithm, everything):
    """The hasher of an algorithm; None if it is too slow to be used without --all."""
    if algorithm == "sha256":
        return hashlib.sha256()
    if algorithm == "sm3":
        return sm3_of_hashlib() or (Sm3() if everything else None)
    return Blake3() if everything else None


def digests(path, algorithms, everything):
    found = {name: hashers(name, everything) for name in algorithms}
    found = {name: hasher for name, hasher in found.items() if hasher is not None}
    size = 0
    with open(path, "rb") as file:
        while True:
            chunk = file.read(CHUNK)
            if not chunk:
                break
            size += len(chunk)
            for hasher in found.values():
                hasher.update(chunk)
    return size, {name: hasher.hexdigest() for name, hasher in found.items()}


def manifest(root, name, problems):
    """The lines of a manifest: path to hash."""
    listed = {}
    try:
        with open(os.path.join(root, name), "rb") as file:
            text = file.read().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problems.append("%s: %s" % (name, error))
        return listed
    if text and not text.endswith("\n"):
        problems.append("%s: the last line is cut" % name)
    for number, line in enumerate(text.split("\n")[:-1], 1):
        value, gap, path = line[:64], line[64:66], line[66:]
        plain = len(value) == 64 and all(c in "0123456789abcdef" for c in value)
        parts = path.split("/")
        if not plain or gap != "  " or path in listed or any(part in ("", ".", "..") for part in parts):
            problems.append("%s: line %d is not valid" % (name, number))
        else:
            listed[path] = value
    return listed


def files_below(root):
    found = set()
    for folder, _, names in os.walk(root):
        for name in names:
            found.add(os.path.relpath(os.path.join(folder, name), root).replace(os.sep, "/"))
    return found


def info(root, problems):
    fields = {}
    try:
        with open(os.path.join(root, "bag-info.txt"), encoding="utf-8") as file:
            for line in file:
                label, _, value = line.rstrip("\n").partition(": ")
                fields[label] = value
    except (OSError, UnicodeDecodeError) as error:
        problems.append("bag-info.txt: %s" % error)
    return fields


def check(root, everything):
    problems, skipped = [], set()
    present = files_below(root)
    tags = manifest(root, "tagmanifest-sha256.txt", problems)
    if sorted(tags) != sorted(TAGS):
        problems.append("tagmanifest-sha256.txt: does not list the eight files")
    for path, wanted in sorted(tags.items()):
        try:
            _, found = digests(os.path.join(root, path), ["sha256"], everything)
        except OSError as error:
            problems.append("%s: %s" % (path, error))
            continue
        if found["sha256"] != wanted:
            problems.append("%s: SHA-256 differs" % path)
    lists = {name: manifest(root, "manifest-%s.txt" % name, problems) for name in ("sha256", "sm3", "blake3")}
    payload = {path for path in present if path.startswith("data/")}
    for name, listed in lists.items():
        for path in sorted(set(listed) ^ payload):
            problems.append("%s: %s manifest-%s.txt" % (path, "missing, but in" if path in listed else "not in", name))
    total = 0
    for path in sorted(payload):
        try:
            size, found = digests(os.path.join(root, path), list(lists), everything)
        except OSError as error:
            problems.append("%s: %s" % (path, error))
            continue
        total += size
        for name, listed in lists.items():
            if name not in found:
                skipped.add(name)
            elif found[name] != listed.get(path):
                problems.append("%s: %s differs" % (path, name))
    fields = info(root, problems)
    if fields.get("Payload-Oxum") != "%d.%d" % (total, len(payload)):
        problems.append("bag-info.txt: Payload-Oxum differs")
    known = payload | set(TAGS) | {"tagmanifest-sha256.txt"}
    for path in sorted(present - known):
        if not path.startswith(LATER):
            problems.append("%s: does not belong to the package" % path)
    return problems, skipped, len(payload)


def main(arguments):
    everything = "--all" in arguments
    rest = [argument for argument in arguments if argument != "--all"]
    root = rest[0] if rest else os.path.dirname(os.path.abspath(__file__))
    problems, skipped, count = check(root, everything)
    for problem in problems:
        print("BAD  " + problem)
    try:
        print("S = " + digests(os.path.join(root, "tagmanifest-sha256.txt"), ["sha256"], everything)[1]["sha256"])
    except OSError:
        print("S = ?")
    verdict = "BAD  已被改动或不完整 / changed or incomplete" if problems else "OK  %d 个文件未被改动 / files unchanged" % count
    left = "；未检查 / not checked: " + ", ".join(sorted(skipped)) if skipped else ""
    print(verdict + left)
    return 1 if problems else 0


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    sys.exit(main(sys.argv[1:]))
