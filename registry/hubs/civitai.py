"""Civitai: models, versions and files under numbers; one API for all of its host names."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar
from urllib.parse import parse_qs, quote, urlsplit

from registry.domain.hashes import Hash, Hashes
from registry.domain.model import Model, ModelFile
from registry.domain.reference import HubRef, ModelRef, UrlRef
from registry.domain.source import Download, Source
from registry.errors import AccessDenied, GoneFromHub, InvalidReference, UnexpectedAnswer
from registry.hubs import civitai_answers as answers
from registry.hubs import refusals
from registry.hubs.hub import HubSettings, address_of
from registry.hubs.json_api import JsonApi
from registry.hubs.pages import path_at
from registry.hubs.untrusted import Object, number_id, obj, objects, text

ADDRESS = "https://civitai.com"
_HOSTS = frozenset({"civitai.com", "www.civitai.com", "civitai.red", "www.civitai.red"})
_MODEL_PAGE = re.compile(r"/(?:api/v1/)?models/(?P<id>[0-9]{1,18})(?:/.*)?")
_VERSION_PAGE = re.compile(
    r"/(?:api/v1/|api/download/)?(?:model-versions|models)/(?P<id>[0-9]{1,18})/?"
)
_MOST_PER_PAGE = 100


class CivitaiHub:
    """Civitai, or a mirror that answers like it."""

    name: ClassVar[str] = "civitai"
    title: ClassVar[str] = "Civitai"
    takes_leftovers: ClassVar[bool] = False

    def __init__(self, settings: HubSettings) -> None:
        self._settings = settings
        self._address = address_of(self.title, settings, ADDRESS)
        self._api = JsonApi(self.name, self._address, settings)

    @property
    def address(self) -> str:
        """The configured one, else its own."""
        return self._address

    # ── whose is it ───────────────────────────────────────────────────────────────────────────────

    def claims(self, reference: ModelRef) -> HubRef | UrlRef | None:
        """References in numbers, and addresses of model pages and downloads."""
        match reference:
            case HubRef(hub=self.name):
                return reference
            case UrlRef(url):
                return self._page(url)
            case _:
                return None

    def _page(self, url: str) -> HubRef | None:
        path = path_at(url, _HOSTS, self._address)
        if path is None:
            return None
        asked = parse_qs(urlsplit(url).query)
        file = number_id(asked.get("fileId", [""])[0])
        if path.startswith(("/api/download/", "/model-versions/", "/api/v1/model-versions/")):
            found = _VERSION_PAGE.fullmatch(path)
            return HubRef(self.name, version=found["id"], file=file) if found else None
        found = _MODEL_PAGE.fullmatch(path)
        if not found:
            return None
        version = number_id(asked.get("modelVersionId", [""])[0])
        return HubRef(self.name, model=found["id"], version=version, file=file)

    # ── what is it ────────────────────────────────────────────────────────────────────────────────

    def find(self, reference: HubRef | UrlRef) -> Model:
        """Describe a model. Its versions stand in their author's order, as a rule newest first.

        Raises:
            InvalidReference: It names neither model nor version.
            GoneFromHub: There is no such model, version or file, or it was archived.
            HubError: Civitai does not answer, or says no.
        """
        claimed = self.claims(reference)
        if not isinstance(claimed, HubRef) or not (claimed.model or claimed.version):
            raise InvalidReference(str(reference), "it names no model or version of Civitai")
        if claimed.model is None:
            assert claimed.version is not None
            model = self._by_version(claimed.version)
        else:
            model = self._by_model(claimed.model, claimed.version)
        if not model.versions:
            raise UnexpectedAnswer(
                self.name, f"{claimed} without any version; name one, civitai:MODEL@VERSION"
            )
        narrow = answers.narrowed(model, version=claimed.version, file=claimed.file)
        if not narrow.versions:
            raise GoneFromHub(self.name, str(claimed), "the version has no such file")
        return narrow

    def _by_model(self, model_id: str, version_id: str | None) -> Model:
        try:
            model = self._ask_model(model_id)
        except GoneFromHub:
            # The list of models lags behind the list of versions, and the other way round.
            if version_id is None:
                raise
            model = self._ask_version(version_id)
        if version_id is None or any(one.hub_version_id == version_id for one in model.versions):
            return _checked(model, model_id)
        alone = _checked(self._ask_version(version_id), model_id)
        return replace(model, versions=(*alone.versions, *model.versions))

    def _by_version(self, version_id: str) -> Model:
        return self._with_page(self._ask_version(version_id))

    def _with_page(self, alone: Model) -> Model:
        """What the model's page says about it, with the one version that `alone` has."""
        try:
            model = self._ask_model(alone.slug.removeprefix("civitai-"))
        except GoneFromHub:
            return alone
        return replace(model, versions=alone.versions)

    def _ask_model(self, model_id: str) -> Model:
        what = f"civitai:{model_id}"
        answer = obj(self._api.get(f"/api/v1/models/{quote(model_id, safe='')}", what=what))
        unavailable = answers.UNAVAILABLE_MODES.get(text(answer.get("mode")) or "")
        if unavailable is not None:
            raise GoneFromHub(self.name, what, unavailable)
        return self._understood(answers.model_of(answer, ADDRESS), what)

    def _ask_version(self, version_id: str) -> Model:
        what = f"civitai:@{version_id}"
        answer = obj(
            self._api.get(f"/api/v1/model-versions/{quote(version_id, safe='')}", what=what)
        )
        return self._understood(answers.model_of_version(answer, ADDRESS), what)

    def _understood(self, model: Model | None, what: str) -> Model:
        if model is None:
            raise UnexpectedAnswer(self.name, f"no id for {what}")
        return model

    # ── who has it ────────────────────────────────────────────────────────────────────────────────

    def search(self, text: str, *, limit: int) -> tuple[Model, ...]:
        """At most `limit` models, in Civitai's order; archived ones are left out."""
        found: dict[str, Model] = {}
        for item in self._pages(text, limit) if limit > 0 else ():
            model = answers.model_of(item, ADDRESS)
            if model is not None and model.status is None:
                found.setdefault(model.slug, model)
            if len(found) >= limit:
                break
        return tuple(found.values())

    def _pages(self, words: str, limit: int) -> Iterator[Object]:
        """Items of every page, by cursor: page numbers end at a thousand items."""
        params = {"query": words, "limit": str(max(1, min(limit, _MOST_PER_PAGE)))}
        seen = set()
        while True:
            what = f"the search for {words!r}"
            answer = obj(self._api.get("/api/v1/models", params, what=what))
            items = objects(answer.get("items"))
            yield from items
            cursor = obj(answer.get("metadata")).get("nextCursor")
            if not items or not isinstance(cursor, (str, int)) or cursor in seen:
                return
            seen.add(cursor)
            params["cursor"] = str(cursor)

    def by_hash(self, wanted: Hash) -> tuple[Model, ...]:
        """The model with the oldest version that has this hash, narrowed to it."""
        path = f"/api/v1/model-versions/by-hash/{wanted.digits.upper()}"
        try:
            answer = obj(self._api.get(path, what=str(wanted), may_be_missing=True))
        except GoneFromHub:
            return ()
        alone = answers.model_of_version(answer, ADDRESS)
        if alone is None:
            return ()
        versions = tuple(
            replace(version, files=tuple(file for file in version.files if _has(file, wanted)))
            for version in alone.versions
        )
        if not any(version.files for version in versions):
            return ()
        return (self._with_page(replace(alone, versions=versions)),)

    # ── where is it ───────────────────────────────────────────────────────────────────────────────

    def locate(self, source: Source, file: ModelFile | None) -> Download:
        """The lasting address of one file; it redirects to a signed one that ends after a day.

        Where the source names no file, Civitai is asked which one is meant: the one with the
        same SHA-256, else the same name, else the main one.

        Raises:
            GoneFromHub: There is no such model any more.
            AccessDenied: Its creator lets it be used on the site only.
            HubError: Civitai does not answer, or says no.
        """
        if source.version is not None and source.file is not None:
            return self._download(source, source.version, source.file, file, known=None)
        if source.version is None and source.model is None:
            raise GoneFromHub(self.name, str(source), "the source names no model")
        try:
            model = (
                self.find(HubRef(self.name, source.model, file=source.file))
                if source.version is None
                else self._ask_version(source.version)
            )
        except GoneFromHub:
            if source.version is None:
                raise
            # Its description is gone, its bytes may not be; the hash will prove them.
            return self._download(source, source.version, None, file, known=None)
        version = model.versions[0]
        known = _meant(version.files, file)
        if known is None:
            raise GoneFromHub(self.name, str(source), "the version has no files")
        if known.gated == answers.SITE_ONLY:
            raise AccessDenied(self.name, known.name, answers.SITE_ONLY)
        assert version.hub_version_id is not None
        return self._download(source, version.hub_version_id, known.hub_file_id, file, known=known)

    def public_address(self, source: Source, file: ModelFile) -> str | None:
        """The address of a version's file; without the number of the file that of its main one."""
        if source.version is None or file.gated or file.needs_token:
            return None
        return self._address_of(source.version, source.file or file.hub_file_id)

    def _address_of(self, version_id: str, file_id: str | None) -> str:
        query = f"?fileId={quote(file_id, safe='')}" if file_id is not None else ""
        return f"{self._address}/api/download/models/{quote(version_id, safe='')}{query}"

    def _download(
        self,
        source: Source,
        version_id: str,
        file_id: str | None,
        file: ModelFile | None,
        *,
        known: ModelFile | None,
    ) -> Download:
        if self._settings.token is not None:
            refusals.bearer(self.name, self._settings.token)
        named = file or known
        return Download(
            source=source,
            url=self._address_of(version_id, file_id),
            file_name=named.name if named is not None else f"civitai-{version_id}",
            size_bytes=known.size_bytes if known is not None else None,
            hashes=known.hashes if known is not None else Hashes(),
            token=self._settings.token,
            trusted=self._settings.trusted,
        )


def _checked(model: Model, model_id: str) -> Model:
    if model.slug != f"civitai-{model_id}":
        raise GoneFromHub(
            "civitai", f"civitai:{model_id}", f"the version belongs to {model.hub_model_ids[0]}"
        )
    return model


def _has(file: ModelFile, wanted: Hash) -> bool:
    if file.hashes.contradictions(Hashes((wanted,))):
        return False
    return any(known.proves(wanted) or wanted.proves(known) for known in file.hashes)


def _meant(files: tuple[ModelFile, ...], file: ModelFile | None) -> ModelFile | None:
    """Which of a version's files is the one that we know as `file`."""
    if file is not None:
        sha256 = file.hashes.sha256
        same_bytes = (one for one in files if sha256 and one.hashes.sha256 == sha256)
        names = {file.name, *file.aliases}
        same_name = (one for one in files if one.name in names)
        found = next(same_bytes, None) or next(same_name, None)
        if found is not None:
            return found
    main = (one for one in files if one.is_primary)
    return next(main, None) or next(iter(files), None)


HUB = CivitaiHub
