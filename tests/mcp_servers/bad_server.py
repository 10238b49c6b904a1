"""An MCP server as wrong as its first argument says."""

import json
import subprocess
import sys
import time

how = sys.argv[1]
print("not a message", flush=True)
if how == "dies":
    sys.exit("no database")
if how == "child":
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])

TOOLS = [
    {"name": "fine", "inputSchema": {"type": "object", "properties": {"a b": {"type": "integer"}, "a-b": {}}}},
    {"name": "text", "inputSchema": {"type": "string"}},
    {"name": "array", "inputSchema": ["not", "a", "schema"]},
    {
        "name": "odd",
        "inputSchema": {"type": "object", "properties": {"x": 3, "y": {"$ref": "#/$defs/none"}}, "required": 5},
    },
    {"name": "fine", "inputSchema": {}},
    {"inputSchema": {}},
    "no tool",
]
READY = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "bad", "version": "0"}}


def answer(request, result):
    print(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}), flush=True)


for line in sys.stdin:
    request = json.loads(line)
    if "id" not in request or how == "hangs":
        continue
    match request["method"], how:
        case "initialize", "garbage":
            print("}{ \x00 garbage", flush=True)
            answer(request, {"capabilities": "none"})
        case "initialize", _:
            answer(request, READY)
        case "tools/list", "endless":
            answer(request, {"tools": TOOLS, "nextCursor": "more"})
        case "tools/list", _:
            answer(request, {"tools": TOOLS})
        case "tools/call", "huge":
            print("x" * 40_000_000, flush=True)
        case "tools/call", "deep":
            nested = '{"a":' * 100_000
            print(f'{{"jsonrpc": "2.0", "id": {request["id"]}, "result": {nested}', flush=True)
            answer(request, {"content": [{"type": "text", "text": "after"}]})
        case "tools/call", "wrong":
            answer(request, {"content": [{"type": "nonsense"}]})
        case "tools/call", "picture":
            answer(request, {"content": [{"type": "image", "data": "AAAA", "mimeType": "image/png"}]})
        case "tools/call", _:
            arguments = request["params"]["arguments"]
            answer(request, {"content": [{"type": "text", "text": json.dumps(arguments)}]})
if how in {"stays", "child"}:
    time.sleep(1000)
