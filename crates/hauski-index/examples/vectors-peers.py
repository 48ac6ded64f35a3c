#!/usr/bin/env python3
"""The same vectors in faiss and hnswlib: `vectors-peers.py FOLDER DIMS` reads what vectors-bench wrote and prints JSON.

Milliseconds of one thread for each query (the least of seven), recall@20 against comparing everything, seconds of CPU to build.
Packages: numpy, faiss-cpu, hnswlib (any that is missing is left out).
"""
import json, sys, time
import numpy as np

folder, dims = sys.argv[1], int(sys.argv[2])
K = 20


def read(name):
    rows = np.fromfile(f"{folder}/{name}", dtype=np.float32).reshape(-1, dims)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def timed(search, queries):
    found, spent = [], []
    for query in queries:
        times = []
        for _ in range(7):
            began = time.perf_counter_ns()
            hits = search(query[None, :])
            times.append((time.perf_counter_ns() - began) / 1e6)
        found.append(hits)
        spent.append(min(times))
    spent.sort()
    return found, spent[len(spent) // 2], spent[len(spent) * 95 // 100]


def recall(found, exact):
    return sum(len(set(a) & set(b)) for a, b in zip(found, exact)) / (K * len(exact))


vectors, queries = read("vectors.f32"), read("queries.f32")
out = {"rows": len(vectors)}
exact = None
try:
    import faiss

    faiss.omp_set_num_threads(1)
    flat = faiss.IndexFlatIP(dims)
    flat.add(vectors)
    exact, p50, p95 = timed(lambda q: flat.search(q, K)[1][0], queries)
    out["faiss flat"] = {"p50_ms": p50, "p95_ms": p95, "recall": 1.0}
    del flat
    bytes_ = faiss.IndexScalarQuantizer(dims, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT)
    bytes_.train(vectors)
    bytes_.add(vectors)
    found, p50, p95 = timed(lambda q: bytes_.search(q, K)[1][0], queries)
    out["faiss flat SQ8"] = {"p50_ms": p50, "p95_ms": p95, "recall": recall(found, exact)}
except ImportError:
    scores = queries @ vectors.T
    exact = np.argsort(-scores, axis=1)[:, :K]
try:
    import hnswlib

    graph = hnswlib.Index(space="ip", dim=dims)
    graph.init_index(max_elements=len(vectors), M=16, ef_construction=100)
    graph.set_num_threads(1)
    began = time.process_time()
    graph.add_items(vectors, num_threads=1)
    built = time.process_time() - began
    for ef in (64, 128, 256):
        graph.set_ef(ef)
        found, p50, p95 = timed(lambda q: graph.knn_query(q, k=K, num_threads=1)[0][0], queries)
        out[f"hnswlib ef {ef}"] = {
            "p50_ms": p50, "p95_ms": p95, "recall": recall(found, exact), "build_cpu_s": built,
        }
except ImportError:
    pass
print(json.dumps(out))
