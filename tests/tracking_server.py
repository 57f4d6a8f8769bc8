"""A server that answers W&B's client as far as runs, alerts, files and views need it, or stops answering."""

import gzip
import json
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

import yaml

VIEWER = {"id": "VQ==", "entity": "us", "username": "me", "email": "", "flags": "{}", "teams": {"edges": []}}


class TrackingServer:
    """Listens on a port of this machine between `with` and its end, and notes what it is asked.

    `state` is `fine`, `broken` (it answers every request with the status 500) or `silent` (it never answers).
    `sweep` is the text of a sweep's config, whose agent is told to make a run of each of `proposals`, one by one.
    """

    def __init__(self, state: str = "fine", sweep: str = "", proposals: Sequence[dict[str, Any]] = ()) -> None:
        self.state = state
        self.sweep = sweep
        self.proposals = list(proposals)
        self.operations: list[tuple[str, dict[str, Any]]] = []  # names and variables of GraphQL's
        self.paths: list[str] = []
        self.over = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                outer.paths.append(self.path)
                if outer.state == "silent":
                    outer.over.wait()
                content = json.dumps(outer.reply(self.path, body)).encode()
                self.send_response(200 if outer.state == "fine" else 500)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = answer

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """Clients that were killed are no error."""

        self.server = Server(("127.0.0.1", 0), Handler)

    def __enter__(self) -> "TrackingServer":
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.over.set()
        self.server.shutdown()
        self.server.server_close()

    @property
    def variables(self) -> dict[str, str]:
        """The environment of a user who is logged in here."""
        address = f"http://127.0.0.1:{self.server.server_address[1]}"
        return {"WANDB_MODE": "", "WANDB_BASE_URL": address, "WANDB_API_KEY": "0" * 40}

    def asked(self, operation: str) -> list[dict[str, Any]]:
        """The variables of each request of an operation."""
        return [variables for name, variables in self.operations if name == operation]

    def reply(self, path: str, body: bytes) -> dict[str, Any]:
        if not path.endswith("/graphql"):
            return {}
        request = json.loads(body)
        query, variables = request["query"], request.get("variables") or {}
        operation = request.get("operationName") or query.split("(")[0].split("{")[0].split()[-1]
        self.operations.append((operation, variables))
        return {"data": self.data(operation, variables)}

    def data(self, operation: str, variables: dict[str, Any]) -> dict[str, Any]:
        if operation == "UpsertBucket":
            project = {"id": "P", "name": variables.get("project") or "p", "entity": {"id": "E", "name": "us"}}
            run = {"id": "R", "name": variables.get("name"), "displayName": variables.get("displayName")}
            empty = {"description": "", "config": "{}", "sweepName": None, "historyLineCount": 0}
            return {"upsertBucket": {"bucket": {**run, **empty, "project": project}, "inserted": True}}
        if operation == "CreateRunFiles":
            address = self.variables["WANDB_BASE_URL"]
            files = [{"name": name, "uploadUrl": f"{address}/upload/{name}"} for name in variables["files"]]
            return {"createRunFiles": {"runID": "R", "uploadHeaders": [], "files": files}}
        if operation == "NotifyScriptableRunAlert":
            return {"notifyScriptableRunAlert": {"success": True}}
        if operation in ("Viewer", "GetDefaultEntity"):
            return {"viewer": VIEWER}
        if operation == "GetProjects":
            return {"models": {"pageInfo": {"endCursor": None, "hasNextPage": False}, "edges": []}}
        if operation == "CreateProject":
            return {"result": {"project": None, "model": None, "inserted": True}}
        if operation == "SweepWithRuns":
            return {"project": {"sweep": {"config": self.sweep, "runs": {"edges": []}}}}
        if operation == "CreateAgent":
            return {"createAgent": {"agent": {"id": "QQ=="}}}
        if operation == "Heartbeat":
            return {"agentHeartbeat": {"agent": {"id": "QQ=="}, "commands": json.dumps(self.commands(variables))}}
        if operation in ("UpsertView2", "upsertView"):
            project = {"id": "UA==", "name": variables["projectName"], "entityName": variables["entityName"]}
            shown = {"id": "Vmlldw==", "name": variables["name"], "displayName": variables["displayName"]}
            return {"upsertView": {"view": {**shown, "spec": variables["spec"], "project": project}, "inserted": True}}
        if operation == "RunResumeStatus":
            return {"model": {"id": "P", "name": "p", "entity": {"id": "E", "name": "us"}, "bucket": None}}
        return {}

    def commands(self, variables: dict[str, Any]) -> list[dict[str, Any]]:
        """What an agent does next."""
        if json.loads(variables["runState"]):
            return []
        if not self.proposals:
            return [{"type": "exit"}]
        given = {key: {"value": value} for key, value in self.proposals.pop(0).items()}
        program = yaml.safe_load(self.sweep)["program"]
        return [{"type": "run", "run_id": f"run{len(self.proposals)}", "program": program, "args": given}]
