"""A small server of the Model Context Protocol over standard input and output."""
import json
import sys

tools = [{"name": "add", "description": "adds", "inputSchema": {"type": "object"}}]


def send(message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


for line in sys.stdin:
    message = json.loads(line)
    method, params = message.get("method"), message.get("params") or {}
    if method == "initialize":
        result = {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": {"name": "t", "version": "1"}}
        send({"id": "mine-1", "method": "ping"})
    elif method == "tools/list":
        page = int(params.get("cursor", "0"))
        result = {"tools": tools[page : page + 1]}
        if page + 1 < len(tools):
            result["nextCursor"] = str(page + 1)
    elif method == "tools/call":
        arguments = params["arguments"]
        if params["name"] == "die":
            sys.exit(1)
        send({"method": "notifications/progress", "params": {"progressToken": params["_meta"]["progressToken"], "progress": 1}})
        result = {"content": [{"type": "text", "text": str(arguments["a"] + arguments["b"])}]}
        if len(tools) == 1:
            tools.append({"name": "die", "inputSchema": {"type": "object"}})
            send({"method": "notifications/tools/list_changed"})
    elif method == "ping":
        result = {}
    else:
        continue
    send({"id": message["id"], "result": result})
