"""Hugging Face, through its own library: metadata, addresses, and the token of its login.

The library takes a while to import, so that is done when a question is asked.
"""

import itertools
import re
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import unquote

from registry.domain.hashes import Hash, Hashes
from registry.domain.model import Model, ModelFile
from registry.domain.reference import HubRef, ModelRef, UrlRef
from registry.domain.source import Download, Secret, Source
from registry.errors import AccessDenied, GoneFromHub, InvalidReference
from registry.hubs import huggingface_answers as answers
from registry.hubs.hub import HubSettings, address_of
from registry.hubs.huggingface_library import ADDRESS, HubLibrary
from registry.hubs.huggingface_repo import repo_of
from registry.hubs.pages import path_at

if TYPE_CHECKING:
    from huggingface_hub.file_download import HfFileMetadata

_HOSTS = frozenset({"huggingface.co", "www.huggingface.co", "hf.co"})
# First parts of addresses that are no owners of models.
_NO_OWNERS = frozenset(
    {"api", "blog", "chat", "collections", "datasets", "docs", "join", "learn", "login", "models"}
    | {
        "new",
        "organizations",
        "papers",
        "posts",
        "pricing",
        "search",
        "settings",
        "spaces",
        "tasks",
    }
)
_PAGE = re.compile(
    r"/(?:api/models/)?(?P<repo>[\w.\-]+/[\w.\-]+)"
    r"(?:/(?:tree|blob|resolve|raw)/(?P<rev>refs/(?:pr|convert)/[^/]+|[^/]+)(?:/(?P<path>.+))?)?",
    re.ASCII,
)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_NO_HEAD = frozenset({405, 501})  # RFC 9110, 15.5.6 and 15.6.2
_TIMEOUT_S = 30.0


class HuggingFaceHub:
    """Hugging Face, or a mirror that answers like it."""

    name: ClassVar[str] = "huggingface"
    title: ClassVar[str] = "Hugging Face"
    takes_leftovers: ClassVar[bool] = False

    def __init__(self, settings: HubSettings) -> None:
        self._settings = settings
        self._address = address_of(self.title, settings, ADDRESS)
        self._library = HubLibrary(self.name, self._address, settings)

    @property
    def address(self) -> str:
        """The configured one, else its own."""
        return self._address

    # ── whose is it ───────────────────────────────────────────────────────────────────────────────

    def claims(self, reference: ModelRef) -> HubRef | UrlRef | None:
        """Repositories, and addresses of their pages and files."""
        match reference:
            case HubRef(hub=self.name, model=model, version=version, file=file):
                return self._reference(model, version, file)
            case UrlRef(url):
                return self._page(url)
            case _:
                return None

    def _page(self, url: str) -> HubRef | None:
        path = path_at(url, _HOSTS, self._address)
        found = _PAGE.fullmatch(path.rstrip("/")) if path is not None else None
        if not found or found["repo"].partition("/")[0].lower() in _NO_OWNERS:
            return None
        revision, file = (unquote(part) if part else None for part in (found["rev"], found["path"]))
        parts = [
            part for text in (found["repo"], revision, file) if text for part in text.split("/")
        ]
        if any(part in {"", ".", ".."} for part in parts):
            return None
        return self._reference(found["repo"], revision, file)

    def _reference(self, repo: str | None, revision: str | None, file: str | None) -> HubRef:
        """The default revision has no name, so that one file has one source."""
        named = None if revision == answers.DEFAULT_REVISION else revision
        return HubRef(self.name, repo, named, file)

    # ── what is it ────────────────────────────────────────────────────────────────────────────────

    def find(self, reference: HubRef | UrlRef) -> Model:
        """Describe a repository as one version, narrowed to the file or folder that is named.

        Raises:
            InvalidReference: It names no repository.
            GoneFromHub: There is no such repository, revision or file; a private repository looks
                just like that.
            HubError: Hugging Face does not answer, or says no.
        """
        claimed = self.claims(reference)
        if not isinstance(claimed, HubRef) or claimed.model is None:
            raise InvalidReference(str(reference), "it names no repository of Hugging Face")
        repo_id, revision = claimed.model, claimed.version
        repo = self._library.ask(
            f"hf:{repo_id}" + (f"@{revision}" if revision else ""),
            lambda token: repo_of(
                self._library.api(token).model_info(
                    repo_id, revision=revision, timeout=_TIMEOUT_S, files_metadata=True
                )
            ),
        )
        if repo.disabled:
            raise AccessDenied(self.name, str(claimed), "access to it is disabled")
        model = answers.model_of(repo, ADDRESS, revision=revision, path=claimed.file)
        if claimed.file is not None and not model.files:
            raise GoneFromHub(self.name, str(claimed), "the repository has no such file")
        return model

    def search(self, text: str, *, limit: int) -> tuple[Model, ...]:
        """At most `limit` repositories whose names hold these words.

        The list tells no sizes and hashes; `find` and `locate` do.
        """
        repos = self._library.ask(
            f"the search for {text!r}",
            lambda token: [
                repo_of(info)
                for info in itertools.islice(
                    self._library.api(token).list_models(search=text, limit=limit, full=True), limit
                )
            ],
            retries_itself=True,
        )
        models = (
            answers.model_of(repo, ADDRESS, revision=None, path=None)
            for repo in repos
            if not repo.disabled and answers.is_about_pictures(repo)
        )
        return tuple(models)

    def by_hash(self, wanted: Hash) -> tuple[Model, ...]:  # noqa: ARG002 -- of every hub
        """Nothing: Hugging Face has no search by hash (huggingface_hub#3069)."""
        return ()

    # ── where is it ───────────────────────────────────────────────────────────────────────────────

    def locate(self, source: Source, file: ModelFile | None) -> Download:
        """The lasting address of one file, with the size and SHA-256 that the hub has for it.

        Where the source names no revision, the address names the commit that the hub has now.

        Raises:
            LoginRequired: It is gated and nobody is logged in.
            AccessDenied: It is gated and its conditions are not accepted, or it is disabled.
            GoneFromHub: There is no such file any more.
            HubError: Hugging Face does not answer, or says no.
        """
        path = source.file or (file.name if file is not None else None)
        if source.model is None or path is None:
            raise GoneFromHub(self.name, str(source), "the source names no file")
        if _leads_nowhere(path):
            raise GoneFromHub(self.name, str(source), "its path leads nowhere")
        url = self._url(source.model, path, source.version)
        told, token = self._library.ask(
            str(source), lambda token: (self._metadata(url, token), token)
        )
        commit = told.commit_hash if told is not None else None
        if source.version is None and _COMMIT.fullmatch(commit or ""):
            url = self._url(source.model, path, commit)
        return Download(
            source=source,
            url=url,
            file_name=file.name if file is not None else path.rpartition("/")[2],
            size_bytes=told.size if told is not None else None,
            hashes=_hashes(told) if told is not None else Hashes(),
            token=Secret(token) if token is not None else None,
            trusted=self._settings.trusted,
        )

    def public_address(self, source: Source, file: ModelFile) -> str | None:
        """The address of a file at its revision, else at the default one."""
        path = source.file or file.name
        if source.model is None or file.gated or _leads_nowhere(path):
            return None
        return self._url(source.model, path, source.version)

    def _url(self, repo: str, path: str, revision: str | None) -> str:
        from huggingface_hub import hf_hub_url  # noqa: PLC0415 -- see the top

        return hf_hub_url(repo, path, revision=revision, endpoint=self._address)

    def _metadata(self, url: str, token: str | None) -> "HfFileMetadata | None":
        """What the head of the file says; None where a mirror knows no HEAD requests."""
        from huggingface_hub import get_hf_file_metadata  # noqa: PLC0415 -- see the top
        from huggingface_hub.errors import HfHubHTTPError  # noqa: PLC0415 -- see the top

        try:
            return get_hf_file_metadata(
                url,
                token=token or False,
                timeout=_TIMEOUT_S,
                headers={"user-agent": self._settings.user_agent},
                endpoint=self._address,
            )
        except HfHubHTTPError as error:
            if error.response.status_code in _NO_HEAD:
                return None
            raise


def _leads_nowhere(path: str) -> bool:
    return any(part in {"", ".", ".."} for part in path.split("/"))


def _hashes(told: "HfFileMetadata") -> Hashes:
    """The SHA-256 that the hub has for a large file.

    Only the first answer tells it. An answer without the commit came from a storage behind the
    hub, whose tags are its own; so is the hash of Xet.
    """
    is_xet = told.xet_file_data is not None and told.xet_file_data.file_hash == told.etag
    if told.commit_hash is None or is_xet:
        return Hashes()
    return answers.hashes_of(told.etag)


HUB = HuggingFaceHub
