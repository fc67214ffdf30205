"""The embedded hub's answers to single requests."""

import hashlib
import json
import socket
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from registry.demo.hub_bytes import span_wanted
from registry.demo.hub_contents import (
    Facts,
    HostedFile,
    civitai_model,
    civitai_version,
    commit_of,
    huggingface_repo,
)
from registry.demo.hub_state import ARCHIVED, LOST, HubState, Request

_DAY_S = 24 * 60 * 60
_HOUR_S = 60 * 60


class Handler(BaseHTTPRequestHandler):
    """One connection. `do_GET` and `do_HEAD` lead to one method per kind of address."""

    protocol_version = "HTTP/1.1"
    server_version = "sdreg-embedded-hub"
    sys_version = ""
    disable_nagle_algorithm = True
    server: "HubServer"

    @property
    def hub(self) -> HubState:
        """What is served."""
        return self.server.hub

    def do_GET(self) -> None:
        """Answer, with a body."""
        self._answer()

    def do_HEAD(self) -> None:
        """Answer, without a body."""
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's word
        """Say nothing."""

    def _answer(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        host = headers.get("host", "").rpartition(":")[0]
        self.hub.note(Request(self.command, host, self.path, headers))
        parts = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        match unquote(parts.path).strip("/").split("/"):
            case ["storage", number, _] if host == "localhost":
                self._storage(number, asked)
            case ["api", "v1" | "download" as part, *rest]:
                self._civitai([part, *rest], asked)
            case path:
                self._huggingface(path, asked)

    # ── Civitai ───────────────────────────────────────────────────────────────────────────────────

    def _civitai(self, path: list[str], asked: dict[str, str]) -> None:
        match path:
            case ["v1", "models"]:
                self._civitai_list(asked)
            case ["v1", "models", model]:
                self._civitai_model(model)
            case ["v1", "model-versions", "by-hash", digits]:
                self._civitai_hash(digits)
            case ["v1", "model-versions", version]:
                self._civitai_version(version)
            case ["download", "models", version]:
                self._civitai_download(version, asked)
            case _:
                self._json(LOST, {"error": "Not found"})

    def _on_civitai(self) -> list[HostedFile]:
        return [
            file
            for file in self.hub.files
            if file.civitai is not None and self.hub.status_of(file, "civitai") is None
        ]

    def _civitai_list(self, asked: dict[str, str]) -> None:
        words = asked.get("query", "").lower().split()
        models: dict[int, list[HostedFile]] = {}
        for file in self._on_civitai():
            assert file.civitai is not None
            if all(word in f"{file.model_name} {file.name}".lower() for word in words):
                models.setdefault(file.civitai[0], []).append(file)
        begin, limit = int(asked.get("cursor", "0")), int(asked.get("limit", "100"))
        numbers = list(models)[begin : begin + limit]
        paging: Facts = {"pageSize": limit}
        if begin + limit < len(models):
            paging["nextCursor"] = str(begin + limit)
        items = [civitai_model(models[number], self.hub.address) for number in numbers]
        self._json(200, {"items": items, "metadata": paging})

    def _civitai_model(self, model: str) -> None:
        files = [file for file in self._on_civitai() if f"civitai:{model}" in file.names]
        if files:
            self._json(200, civitai_model(files, self.hub.address))
        else:
            self._json(
                self._civitai_status(f"civitai:{model}"), {"error": f"No model with id {model}"}
            )

    def _civitai_version(self, version: str) -> None:
        files = [file for file in self._on_civitai() if f"civitai:@{version}" in file.names]
        if files:
            self._json(200, civitai_version(files, self.hub.address))
        else:
            self._json(self._civitai_status(f"civitai:@{version}"), {"error": "Model not found"})

    def _civitai_hash(self, digits: str) -> None:
        for file in self._on_civitai():
            if digits.upper() in file.hashes.values():
                assert file.civitai is not None
                self._civitai_version(str(file.civitai[1]))
                return
        self._json(LOST, {"error": "Model not found"})

    def _civitai_download(self, version: str, asked: dict[str, str]) -> None:
        named = [file for file in self.hub.files if f"civitai:@{version}" in file.names]
        if "fileId" in asked:
            named = [
                file for file in named if file.civitai and str(file.civitai[2]) == asked["fileId"]
            ]
        status = self.hub.status_of(named[0], "civitai") if named else LOST
        if status == ARCHIVED:
            self._json(ARCHIVED, {"error": "Model archived, not available for download"})
        elif status is not None:
            self._json(status, {"error": "File not found"})
        elif self.hub.needs_token(named[0]) and not self._has_token():
            message = "The creator of this asset requires you to be logged in to download it"
            self._json(401, {"error": "Unauthorized", "message": message})
        else:
            link = self._signed(named[0], _DAY_S)
            self._head(307, {"Location": link, "Cache-Control": "no-store, max-age=0"}, 0)

    def _civitai_status(self, name: str) -> int:
        named = (file for file in self.hub.files if name in file.names)
        return next(
            (status for file in named if (status := self.hub.status_of(file, "civitai"))), LOST
        )

    # ── Hugging Face ──────────────────────────────────────────────────────────────────────────────

    def _huggingface(self, path: list[str], asked: dict[str, str]) -> None:
        match path:
            case ["api", "models"]:
                self._hf_list(asked)
            case ["api", "models", owner, name]:
                self._hf_repo(f"{owner}/{name}", "main", asked)
            case ["api", "models", owner, name, "revision", revision]:
                self._hf_repo(f"{owner}/{name}", revision, asked)
            case [owner, name, "resolve", revision, *rest]:
                self._hf_file(f"{owner}/{name}", revision, "/".join(rest))
            case _:
                self._json(LOST, {"error": "Not found"})

    def _in_repo(self, repo: str) -> list[HostedFile]:
        return [file for file in self.hub.files if file.huggingface and file.huggingface[0] == repo]

    def _hf_list(self, asked: dict[str, str]) -> None:
        repos = dict.fromkeys(file.huggingface[0] for file in self.hub.files if file.huggingface)
        words = asked.get("search", "").lower()
        found = [
            huggingface_repo(self._in_repo(repo), blobs=False)
            for repo in repos
            if words in repo.lower() and self.hub.status_of_repo(repo) is None
        ]
        self._json(200, found[: int(asked.get("limit", "100"))])

    def _hf_repo(self, repo: str, revision: str, asked: dict[str, str]) -> None:
        files = self._known_revision(repo, revision)
        if files is not None:
            there = [file for file in files if self.hub.status_of(file, "hf") is None]
            self._json(200, huggingface_repo(there, blobs=asked.get("blobs", "").lower() == "true"))

    def _hf_file(self, repo: str, revision: str, path: str) -> None:
        files = self._known_revision(repo, revision)
        if files is None:
            return
        named = (file for file in files if file.huggingface == (repo, path))
        file = next(named, None)
        if file is None or self.hub.status_of(file, "hf") is not None:
            self._hf_error(LOST, "EntryNotFound", "Entry not found")
        elif self.hub.needs_token(file) and not self._has_token():
            status = 403 if "authorization" in self.headers else 401
            self._hf_error(status, "GatedRepo", f"Access to model {repo} is restricted.")
        elif file.is_lfs:
            told = {
                "Location": self._signed(file, _HOUR_S),
                "X-Repo-Commit": commit_of(files),
                "X-Linked-Etag": f'"{file.sha256}"',
                "X-Linked-Size": str(file.size_bytes),
                "ETag": f'"{file.hashes["BLAKE3"].lower()}"',  # stands for the storage's own tag
                "Accept-Ranges": "bytes",
            }
            self._head(302, told, 0)
        else:
            self._send(file, f'"{file.git_hash}"', {"X-Repo-Commit": commit_of(files)})

    def _known_revision(self, repo: str, revision: str) -> list[HostedFile] | None:
        """Files of a repository at a revision; None if there is none and that was said."""
        files = self._in_repo(repo)
        if not files or self.hub.status_of_repo(repo) is not None:
            status = LOST if self._has_token() else 401
            self._hf_error(status, "RepoNotFound", "Repository not found")
            return None
        if revision not in {"main", commit_of(files)}:
            self._hf_error(LOST, "RevisionNotFound", f"Invalid rev id: {revision}")
            return None
        return files

    def _hf_error(self, status: int, code: str, message: str) -> None:
        told = {"X-Error-Code": code, "X-Error-Message": message}
        self._json(status, {"error": message}, told)

    # ── the storage ───────────────────────────────────────────────────────────────────────────────

    def _signed(self, file: HostedFile, seconds: int) -> str:
        number = self.hub.files.index(file)
        expires = int(time.time()) + seconds
        query = urlencode({"Expires": expires, "Signature": self._signature(number, expires)})
        return f"{self.hub.storage}/storage/{number}/{quote(file.name)}?{query}"

    def _signature(self, number: int, expires: int) -> str:
        text = f"{self.hub.signing_key} {number} {expires}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def _storage(self, number: str, asked: dict[str, str]) -> None:
        expires = int(asked.get("Expires", "0"))
        signed = asked.get("Signature") == self._signature(int(number), expires)
        if "authorization" in self.headers:
            # Storages that know S3 refuse two ways of being authorised at once.
            self._xml(400, "InvalidArgument", "Only one auth mechanism allowed")
        elif not signed or expires < time.time():
            self._xml(403, "AccessDenied", "Request has expired")
        else:
            file = self.hub.files[int(number)]
            name = file.name.replace('"', "'")
            told = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
            self._send(file, f'"{file.sha256[:32]}"', told)

    def _send(self, file: HostedFile, etag: str, told: dict[str, str]) -> None:
        span = span_wanted(
            self.headers.get("Range"),
            self.headers.get("If-Range"),
            etag=etag,
            size_bytes=file.size_bytes,
        )
        if span is None:
            self._head(416, {"Content-Range": f"bytes */{file.size_bytes}"}, 0)
            return
        told = {**told, "ETag": etag, "Accept-Ranges": "bytes"}
        told["Content-Type"] = "application/octet-stream"
        if span.is_part:
            last = span.begin + span.count - 1
            told["Content-Range"] = f"bytes {span.begin}-{last}/{file.size_bytes}"
        self._head(206 if span.is_part else 200, told, span.count)
        if self.command == "HEAD" or not span.count:
            return
        damage = self.hub.damage_for(file, span)
        if damage is None and isinstance(file.content, Path):
            with file.content.open("rb") as content:
                self.connection.sendfile(content, span.begin, span.count)
            return
        at = span.begin
        for chunk in file.read(span.begin, span.count):
            sent, is_last = damage.apply(chunk, at) if damage else (chunk, False)
            self.wfile.write(sent)
            if is_last:
                self.close_connection = True
                return
            at += len(chunk)

    # ── plain answers ─────────────────────────────────────────────────────────────────────────────

    def _has_token(self) -> bool:
        sent = self.headers.get("Authorization")
        return self.hub.token is not None and sent == f"Bearer {self.hub.token}"

    def _json(self, status: int, answer: object, told: dict[str, str] | None = None) -> None:
        body = json.dumps(answer).encode()
        self._head(status, {"Content-Type": "application/json", **(told or {})}, len(body))
        if self.command != "HEAD":
            self.wfile.write(body)

    def _xml(self, status: int, code: str, message: str) -> None:
        body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
        self._head(status, {"Content-Type": "application/xml"}, len(body))
        if self.command != "HEAD":
            self.wfile.write(body)

    def _head(self, status: int, told: dict[str, str], length: int) -> None:
        self.send_response(status)
        for name, value in told.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()


class HubServer(ThreadingHTTPServer):
    """One thread per connection; open connections end with the server."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, hub: HubState) -> None:
        self.hub = hub
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), Handler)

    def process_request(self, request: object, client_address: object) -> None:
        """Remember the connection, then let a thread have it."""
        assert isinstance(request, socket.socket)
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: object) -> None:
        """Forget the connection."""
        assert isinstance(request, socket.socket)
        self._open.discard(request)
        super().shutdown_request(request)

    def break_off(self) -> None:
        """End every open connection."""
        for connection in tuple(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing when a client goes away in the middle."""
