#!/usr/bin/env python3
"""A plugin for hauski in one file: counts words, and streams them one by one. docs/plugins.md explains each message."""
import json
import os
import socket

host = socket.socket(fileno=int(os.environ["HAUSKI_PLUGIN_FD"])).makefile("rwb")
acknowledged = {}  # request id: chunks that the host has taken
cancelled = set()


def send(**message):
    host.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
    host.flush()


def stream(request, words):
    """Sends each word as a chunk, at most 32 ahead of what the host has taken."""
    for seq, word in enumerate(words):
        while seq - acknowledged.get(request, 0) >= 32 and request not in cancelled:
            take(receive())
        if request in cancelled:
            return False
        send(method="$/chunk", params={"id": request, "seq": seq, "data": word})
    return True


def receive():
    line = host.readline()
    if not line:
        raise SystemExit  # the host is gone
    return json.loads(line)


def take(message):
    method, params, request = message.get("method"), message.get("params") or {}, message.get("id")
    if method == "$/ack":
        acknowledged[params["id"]] = params["seq"] + 1
    elif method == "$/cancel":
        cancelled.add(params["id"])
    elif method == "initialize":
        send(method="log", params={"level": "info", "message": f"hello from {params['name']}"})
        send(id=request, result={"version": "1.0", "capabilities": params["capabilities"]})
    elif method in ("ping", "shutdown"):
        send(id=request, result={})
        if method == "shutdown":
            raise SystemExit
    elif method == "words.count" and isinstance(params.get("text"), str):
        send(id=request, result=len(params["text"].split()))
    elif method == "words.stream" and isinstance(params.get("text"), str):
        words = params["text"].split()
        if stream(request, words):
            send(id=request, result=len(words))
    elif request is not None:
        send(id=request, error={"code": -32602, "message": f"{method} takes a text"})


while True:
    take(receive())
