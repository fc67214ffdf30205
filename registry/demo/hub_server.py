"""The embedded hub's answers to single requests."""

from urllib.parse import parse_qs, unquote, urlsplit

from registry.demo.hub_contents import (
    Facts,
    HostedFile,
    civitai_model,
    civitai_version,
    commit_of,
    huggingface_repo,
)
from registry.demo.hub_state import ARCHIVED, LOST, Request
from registry.demo.hub_storage import StorageHandler

_DAY_S = 24 * 60 * 60
_HOUR_S = 60 * 60


class Handler(StorageHandler):
    """One connection. `do_GET` and `do_HEAD` lead to one method per kind of address."""

    def do_GET(self) -> None:  # noqa: N802 -- as the base class spells it
        """Answer, with a body."""
        self._answer()

    def do_HEAD(self) -> None:  # noqa: N802 -- as the base class spells it
        """Answer, without a body."""
        self._answer()

    def _answer(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        host = headers.get("host", "").rpartition(":")[0]
        self.hub.note(Request(self.command, host, self.path, headers))
        parts = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        match unquote(parts.path).strip("/").split("/"):
            case ["storage", number, _] if host == "localhost" and number.isdecimal():
                self.storage(number, asked)
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
                self.tell(LOST, {"error": "Not found"})

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
        self.tell(200, {"items": items, "metadata": paging})

    def _civitai_model(self, model: str) -> None:
        files = [file for file in self._on_civitai() if f"civitai:{model}" in file.names]
        if files:
            self.tell(200, civitai_model(files, self.hub.address))
        else:
            self.tell(
                self._civitai_status(f"civitai:{model}"), {"error": f"No model with id {model}"}
            )

    def _civitai_version(self, version: str) -> None:
        files = [file for file in self._on_civitai() if f"civitai:@{version}" in file.names]
        if files:
            self.tell(200, civitai_version(files, self.hub.address))
        else:
            self.tell(self._civitai_status(f"civitai:@{version}"), {"error": "Model not found"})

    def _civitai_hash(self, digits: str) -> None:
        for file in self._on_civitai():
            if digits.upper() in file.hashes.values():
                assert file.civitai is not None
                self._civitai_version(str(file.civitai[1]))
                return
        self.tell(LOST, {"error": "Model not found"})

    def _civitai_download(self, version: str, asked: dict[str, str]) -> None:
        named = [file for file in self.hub.files if f"civitai:@{version}" in file.names]
        if "fileId" in asked:
            named = [
                file for file in named if file.civitai and str(file.civitai[2]) == asked["fileId"]
            ]
        status = self.hub.status_of(named[0], "civitai") if named else LOST
        if status == ARCHIVED:
            self.tell(ARCHIVED, {"error": "Model archived, not available for download"})
        elif status is not None:
            self.tell(status, {"error": "File not found"})
        elif self.hub.needs_token(named[0]) and not self.has_token():
            message = "The creator of this asset requires you to be logged in to download it"
            self.tell(401, {"error": "Unauthorized", "message": message})
        else:
            link = self.signed(named[0], _DAY_S)
            self.head(307, {"Location": link, "Cache-Control": "no-store, max-age=0"}, 0)

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
                self.tell(LOST, {"error": "Not found"})

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
        self.tell(200, found[: int(asked.get("limit", "100"))])

    def _hf_repo(self, repo: str, revision: str, asked: dict[str, str]) -> None:
        files = self._known_revision(repo, revision)
        if files is not None:
            there = [file for file in files if self.hub.status_of(file, "hf") is None]
            self.tell(200, huggingface_repo(there, blobs=asked.get("blobs", "").lower() == "true"))

    def _hf_file(self, repo: str, revision: str, path: str) -> None:
        files = self._known_revision(repo, revision)
        if files is None:
            return
        named = (file for file in files if file.huggingface == (repo, path))
        file = next(named, None)
        if file is None or self.hub.status_of(file, "hf") is not None:
            self._hf_error(LOST, "EntryNotFound", "Entry not found")
        elif self.hub.needs_token(file) and not self.has_token():
            status = 403 if "authorization" in self.headers else 401
            self._hf_error(status, "GatedRepo", f"Access to model {repo} is restricted.")
        elif file.is_lfs:
            told = {
                "Location": self.signed(file, _HOUR_S),
                "X-Repo-Commit": commit_of(files),
                "X-Linked-Etag": f'"{file.sha256}"',
                "X-Linked-Size": str(file.size_bytes),
                "ETag": f'"{file.hashes["BLAKE3"].lower()}"',  # stands for the storage's own tag
                "Accept-Ranges": "bytes",
            }
            self.head(302, told, 0)
        else:
            self.send(file, f'"{file.git_hash}"', {"X-Repo-Commit": commit_of(files)})

    def _known_revision(self, repo: str, revision: str) -> list[HostedFile] | None:
        """Files of a repository at a revision; None if there is none and that was said."""
        files = self._in_repo(repo)
        if not files or self.hub.status_of_repo(repo) is not None:
            status = LOST if self.has_token() else 401
            self._hf_error(status, "RepoNotFound", "Repository not found")
            return None
        if revision not in {"main", commit_of(files)}:
            self._hf_error(LOST, "RevisionNotFound", f"Invalid rev id: {revision}")
            return None
        return files

    def _hf_error(self, status: int, code: str, message: str) -> None:
        told = {"X-Error-Code": code, "X-Error-Message": message}
        self.tell(status, {"error": message}, told)
