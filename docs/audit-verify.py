#!/usr/bin/env python3
"""Verifies audit logs without any code of the program that wrote them; the format is that of docs/audit.md.
usage: audit-verify.py [--anchors FILE]... FOLDER...    exit: 0 sound, 1 tampered, 3 tail not verifiable
"""
import base64, functools, hashlib, json, os, re, stat, sys
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493  # Ed25519, RFC 8032
D = -121665 * pow(121666, P - 2, P) % P
def point(data):
    y = int.from_bytes(data, "little"); sign = y >> 255; y &= (1 << 255) - 1
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x * pow(2, (P - 1) // 4, P) % P if (x * x - square) % P else x
    if y >= P or (x * x - square) % P or (x == 0 and sign): raise ValueError("no point")
    x = P - x if x & 1 != sign else x; return (x, y, 1, x * y % P)
def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a; return (e * f % P, g * h % P, f * g % P, e * h % P)
def times(n, p):
    q = (0, 1, 1, 0)
    while n: q, p, n = add(q, p) if n & 1 else q, add(p, p), n >> 1
    return q
NOTE = re.compile(r"[^\n].*?\n\n.*?\n(?=\n)", re.S)
BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
def signed(public, message, signature):
    try: a, r, s = point(public), point(signature[:32]), int.from_bytes(signature[32:], "little")
    except ValueError: return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    p, q = times(s, BASE), add(r, times(h, a))
    return s < L and (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0
def must(condition, what):
    if not condition: raise ValueError(what)
leaf = lambda data: hashlib.sha256(b"\0" + data).digest()
node = lambda left, right: hashlib.sha256(b"\1" + left + right).digest()
def root(peaks):
    return functools.reduce(lambda right, left: node(left, right), reversed(peaks))
def key_of(text):
    name, key_id, data = text.split("+", 2); raw = base64.b64decode(data, validate=True)
    must(raw[0] == 1 and len(raw) == 33, "not an Ed25519 key")
    must(hashlib.sha256(name.encode() + b"\n" + raw).hexdigest()[:8] == key_id, "wrong key id")
    return name, bytes.fromhex(key_id), raw[1:]
def parse_note(note):
    text, signatures = note[:note.rindex("\n\n") + 1], []
    for line in note[len(text) + 1:].split("\n")[:-1]:
        dash, name, data = line.split(" "); raw = base64.b64decode(data, validate=True)
        must(dash == "\u2014" and len(raw) == 68, "not a signature"); signatures.append((name, raw[:4], raw[4:]))
    return text, signatures
def by(key, text, signatures):
    return any(k == key[1] and n == key[0] and signed(key[2], text.encode(), s) for n, k, s in signatures)
def checkpoint(text):
    parts = re.fullmatch(r"([^\n]+)\n(0|[1-9][0-9]*)\n([^\n]+)\nprev ([0-9a-f]{64})\n", text)
    must(parts, "not a checkpoint")
    return parts[1], int(parts[2]), base64.b64decode(parts[3], validate=True), bytes.fromhex(parts[4])
def parse_line(data):
    def names_once(pairs): must(len(dict(pairs)) == len(pairs), "a name twice"); return dict(pairs)
    must(len(data) <= 65536 and b"\0" not in data, "too long, or zero bytes")
    line = json.loads(data.decode(), object_pairs_hook=names_once)
    must(json.dumps(line, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode() == data, "not canonical")
    must(sorted(line) == "action actor data log mono outcome prev seq target ts v".split() and line["v"] == 1, "members")
    return line
def plain(path):
    must(stat.S_ISREG(os.lstat(path).st_mode), f"{path} is no plain file"); return open(path, "rb").read()
def check(folder, anchors):
    numbers = lambda kind: sorted(int(m[1]) for f in os.listdir(folder) if (m := re.fullmatch(rf"segment-(\d{{8}})\.{kind}", f)))
    segments = numbers("jsonl")
    must(segments == list(range(1, len(segments) + 1)) and segments and set(numbers("notes")) <= set(segments), "segments are missing")
    size, ts, mono, peaks, seen, key, roots, torn = 0, "", 0, [], [], None, {}, False
    for number in segments:
        path = f"{folder}/segment-{number:08}"
        raw = plain(path + ".notes") if os.path.lexists(path + ".notes") else b""; notes = NOTE.findall(raw.decode())
        torn_notes = len(raw) - len(("".join(n + "\n" for n in notes)).encode())
        *lines, rest = plain(path + ".jsonl").split(b"\n")
        while lines and rest.strip(b"\0") == b"" and lines[-1].strip(b"\0") == b"" and lines[-1]: rest = lines.pop() + rest
        must(lines, "an empty segment")
        for at, data in enumerate(lines):
            line = parse_line(data)
            if size == 0:
                log, key = line["log"], key_of(line["data"]["key"])
                keys, prev, last, covered = [key], leaf(log.encode()), leaf(key[0].encode()), 0
                must(key[0] == "hauski/audit/" + log and line["action"] == "log.create", "a wrong beginning")
            elif at == 0:
                must(line["action"] == "log.segment" and line["data"]["peaks"] == [p.hex() for p in peaks], "a wrong tree")
                must(key_of(line["data"]["key"]) == key and leaf(line["data"]["checkpoint"].encode()) == last, "a wrong header")
            must(at or line["data"]["segment"] == number, "a segment in the wrong place")
            must(at == 0 or line["action"] not in ("log.create", "log.segment"), "a header within")
            must((line["log"], line["seq"], line["prev"]) == (log, size, prev.hex()), f"line {size} does not follow")
            must(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["ts"]), "not a time")
            must(line["ts"] >= ts or line["action"] == "log.clock", "a clock that goes back")
            must(at == 0 or line["mono"] >= mono or line["action"] in ("log.open", "log.recover"), "mono goes back")
            ts, mono, prev, full = line["ts"], line["mono"], leaf(data), leaf(data)
            if line["action"] == "log.key":
                text, signatures = parse_note(line["data"]["note"]); new = key_of(text.split("\n")[3])
                must(text.split("\n")[:3] == ["hauski audit key", key[0], str(size)] and text.count("\n") == 4, "a wrong rotation")
                must(by(key, text, signatures) and by(new, text, signatures), "an unsigned rotation"); key = new; keys.append(key)
            for _ in range((size ^ size + 1).bit_length() - 1): full = node(peaks.pop(), full)
            peaks.append(full); size += 1; roots[size] = root(peaks)
            while notes:
                text, signatures = parse_note(notes[0]); origin, covers, tree, before = checkpoint(text)
                if covers > size: break
                must((origin, covers, before) == (key[0], size, last) and size > covered, "checkpoints out of order")
                must(by(key, text, signatures) and tree == roots[size], f"lines {covered} to {size - 1} are not those signed")
                last, covered = leaf(notes.pop(0).encode()), size
        must(not notes, "lines are missing that a checkpoint covers"); torn = bool(rest or torn_notes)
        must(number == segments[-1] or not torn and covered == size, "something behind the end of a segment")
    for path in anchors:
        for note in NOTE.findall(open(path).read()):
            text, signatures = parse_note(note); origin, covers, tree, _ = checkpoint(text)
            must(origin == key[0] and any(by(k, text, signatures) for k in keys), "an anchor of another log")
            must(roots.get(covers) == tree, f"the log is another than at its checkpoint {covers}")
    return 3 if torn or covered < size or line["action"] != "log.close" else 0
def main(arguments):
    folders, anchors, worst = [], [], 0
    while arguments: (anchors if arguments[0] == "--anchors" and arguments.pop(0) else folders).append(arguments.pop(0))
    for folder in folders:
        try: code, why = check(folder, anchors), ""
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError, FileNotFoundError) as error: code, why = 1, f": {error}"
        print(f"{folder}: {({0: 'sound', 1: 'tampered', 3: 'tail not verifiable'})[code]}{why}")
        worst = code if worst != 1 and code else worst
    return worst
sys.exit(main(sys.argv[1:]))
