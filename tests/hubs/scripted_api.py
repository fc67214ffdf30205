"""A real HTTP server that answers exactly what a test tells it to."""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "hf_TOPsecretVALUE0123456789"


@dataclass
class Reply:
    """One answer; the last one of a script is repeated."""

    status: int = 200
    body: object = b""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class Seen:
    path: str
    host: str
    headers: dict[str, str]


class ScriptedApi:
    """Answers by path without the query; what no script knows is a 404."""

    def __init__(self) -> None:
        self.scripts: dict[str, list[Reply]] = {}
        self.seen: list[Seen] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def on(self, path: str, *replies: Reply) -> None:
        self.scripts[path] = list(replies)

    def __enter__(self):
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


def _handler_of(api: ScriptedApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            headers = {name.lower(): value for name, value in self.headers.items()}
            api.seen.append(Seen(self.path, headers["host"].rpartition(":")[0], headers))
            script = api.scripts.get(self.path.partition("?")[0]) or [Reply(404, {})]
            reply = script.pop(0) if len(script) > 1 else script[0]
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.content)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.content)

        def do_HEAD(self):
            self.do_GET()

        def log_message(self, *_):
            pass

    return Handler
