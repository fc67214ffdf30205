"""The rooms wired together: one short method for every operation.

>>> from registry import Registry                                       # doctest: +SKIP
>>> Registry.open().install("easynegative").files[0].install.file_name  # doctest: +SKIP
'easynegative.safetensors'
"""

import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry.domain.install import Install
from registry.domain.model import Model
from registry.domain.progress import Progress
from registry.domain.source import Secret
from registry.domain.variant import FileFormat, Precision
from registry.errors import (
    CatalogDamaged,
    HubError,
    InvalidArgument,
    InvalidSettings,
    NotInstalled,
    UnknownModel,
    UnreadableFile,
)
from registry.resolve.candidate import Choice
from registry.resolve.preference import Preference
from registry.settings import (
    Settings,
    environment_without_secrets,
    harmless_environment,
    home_folder,
    load,
)

if TYPE_CHECKING:
    from registry.catalog import Catalog
    from registry.catalog.seed import ImportOutcome
    from registry.domain.audit import Finding
    from registry.domain.dispute import Dispute
    from registry.domain.hashes import Hash, Hashes
    from registry.domain.model import ModelFile, ModelVersion
    from registry.domain.smoke import SmokeRun
    from registry.hubs.hub import Hub
    from registry.operations.audit import AuditReport, AuditWish, Clockwork
    from registry.operations.audit_timer import TimerPlan, TimersThere
    from registry.operations.collect import Waste
    from registry.operations.convert_file import Converted
    from registry.operations.doctor import Patient
    from registry.operations.export_metalink import Export
    from registry.operations.health import Check, Fixed
    from registry.operations.inspect import Inspection
    from registry.operations.install import InstallReport
    from registry.operations.install_many import Order, Outcome
    from registry.operations.link import Linked
    from registry.operations.merge_files import Merged
    from registry.operations.plan_install import InstallPlan
    from registry.operations.rebuild import Rebuilt
    from registry.operations.refresh import Refreshed
    from registry.operations.remove import Removed
    from registry.operations.repair import RepairReport
    from registry.operations.rooms import Rooms
    from registry.operations.scheduled import ScheduledRun
    from registry.timers.system import Call

__version__ = "0.1.0"
USER_AGENT = f"sdreg/{__version__}"
HUBS_WITH_LOGIN = ("civitai", "huggingface")


def now() -> datetime:
    """The clock of everything: aware UTC."""
    return datetime.now(UTC)


def _clockwork() -> "Clockwork":
    """The real one."""
    from registry.operations.audit import Clockwork

    return Clockwork(time.monotonic, time.sleep)


class Registry:
    """A home with its catalog, its store and the hubs.

    Opening is cheap: a room is entered when it is needed, so that a listing pays for no downloads.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @classmethod
    def open(cls, home: Path | str | None = None) -> "Registry":
        """Open the home that the settings name, or another one.

        Raises:
            InvalidSettings: A setting cannot be used.
        """
        return cls(load(Path(home) if home is not None else None))

    # ── what we know ──────────────────────────────────────────────────────────────────────────────

    @cached_property
    def catalog(self) -> "Catalog":
        """The opened catalog; made and filled at the first use."""
        from registry.catalog import open_catalog

        settings = self.settings
        return open_catalog(
            settings.catalog_file, backups=settings.backups, clock=now, durable=settings.durable
        )

    @cached_property
    def rooms(self) -> "Rooms":
        """Every room opened, for operations that need the disk and the hubs."""
        from registry import layouts
        from registry.operations.rooms import Rooms, Target
        from registry.store.blobs import Store
        from registry.transfer.download import Downloader, TransferOptions

        settings = self.settings
        targets = [Target(layouts.get("library"), settings.library, ours=True)]
        known = layouts.ui_names()
        for name, root in settings.uis:
            if name not in known:
                raise InvalidSettings(
                    f"ui.{name}", f"names no UI; known are {', '.join(known)}", "the settings"
                )
            targets.append(Target(layouts.get(name), root))
        return Rooms(
            home=settings.home,
            catalog=self.catalog,
            store=Store(settings.home, durable=settings.durable),
            downloader=Downloader(
                TransferOptions(
                    connections=settings.connections,
                    durable=settings.durable,
                    rate_limit_bytes_per_s=settings.limit_rate,
                    user_agent=USER_AGENT,
                ),
                settings.partial,
            ),
            hubs=self._hubs(),
            targets=tuple(targets),
            clock=now,
        )

    def _recovered(self) -> "Rooms":
        """The rooms for work that changes something: what an earlier run left is ended first."""
        from registry.operations.recover import recover

        recover(self.rooms)
        return self.rooms

    def _hubs(self) -> "dict[str, Hub]":
        from registry import hubs
        from registry.discovery import collect
        from registry.hubs.hub import HubSettings

        addresses = {
            "civitai": self.settings.civitai_url,
            "huggingface": self.settings.hf_endpoint,
        }
        opened: dict[str, Hub] = {}
        for kind in collect(hubs, "HUB").values():
            address = addresses.get(kind.name)
            opened[kind.name] = kind(
                HubSettings(
                    address=address,
                    find_token=cache(partial(self.settings.token, kind.name)),
                    user_agent=USER_AGENT,
                    trusted=address is not None,
                    was_typed=self._was_typed,
                )
            )
        return opened

    def _was_typed(self, address: str) -> bool:
        """Ask the catalog, which is opened for this alone: hubs do without it."""
        return self.catalog.models.was_typed(address)

    def list(
        self,
        *,
        type: str | None = None,  # noqa: A002 -- the word of the command line and of the field
        base: str | None = None,
        installed: bool | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> tuple[Model, ...]:
        """Known models, by slug.

        Args:
            type: Slug or a common word for it: ``lora``, ``loras``, ``textual-inversion``.
            base: Base architecture; ``sdxl`` includes what was made from it.
            installed: Only installed ones (True) or only others (False).
            limit: At most so many.
            offset: So many are skipped first.

        Raises:
            InvalidArgument: There is no such type or base.
        """
        return self.catalog.models.overview(
            type=_type_slug(type),
            base=_base_slug(base),
            installed=installed,
            limit=limit,
            offset=offset,
        )

    def search(self, text: str, *, limit: int = 50) -> tuple[Model, ...]:
        """Models of the catalog that these words lead to, best first."""
        return self.catalog.models.search(text, limit=limit)

    def search_hubs(
        self, text: str, *, limit: int = 20, progress: Progress | None = None
    ) -> tuple[Model, ...]:
        """The same question to the hubs; what they answer is kept in the catalog.

        Raises:
            HubError: No hub answered; one that does not is otherwise only told to `progress`.
        """
        found: list[Model] = []
        failures: list[HubError] = []
        asked = [hub for hub in self.rooms.hubs.values() if not hub.takes_leftovers]
        for hub in asked:
            try:
                models = hub.search(text, limit=limit)
            except HubError as error:
                failures.append(error)
                (progress or Progress()).say(str(error))
            else:
                found += [self.catalog.models.save(model) for model in models]
        if len(failures) == len(asked):
            raise failures[0]
        return tuple(found)

    def show(self, reference: str) -> Model:
        """Everything that is known about one model.

        Raises:
            SdregError: As `find_model` does.
        """
        known = self.catalog.models.find(reference)
        if known is not None:
            return known
        from registry.operations.find_model import find_model

        return find_model(reference, Preference(), self.rooms).model

    def inspect(
        self,
        text: str,
        wish: Preference | None = None,
        *,
        hashes: bool | None = None,
        deep: bool = False,
        progress: Progress | None = None,
    ) -> "Inspection":
        """What a file, a folder or a reference is: format, type, architecture, and why.

        Of what is not on this disk only the header is read, and nothing is kept.

        Args:
            text: A path, or a reference in any form; what lies there goes first.
            wish: Which file of a reference is meant.
            hashes: Whether to read a whole file for its hashes; None does so for small ones.
            deep: Whether to look at every weight for values that are no numbers.
            progress: Hears about every byte that is hashed.

        Raises:
            FormatError: It is broken, or cannot be read.
            SdregError: As `find_model` does.
        """
        from registry.operations.inspect import inspect_file

        if not means_a_path(text):
            from registry.operations.inspect_remote import inspect_reference

            try:
                return inspect_reference(
                    text, wish or self.wish(), self.rooms, hashes=hashes, deep=deep
                )
            except UnknownModel as error:
                if FileFormat.from_name(text) is FileFormat.OTHER:
                    raise
                because = "there is no such file, and no model of this name"
                raise UnreadableFile(text, because) from error
        return inspect_file(
            Path(text), hashes=hashes, deep=deep, lookup=self._lookup, progress=progress
        )

    def _lookup(self, wanted: "Hash") -> "tuple[tuple[Model, ModelVersion, ModelFile], ...]":
        """Ask the catalog, which is opened for this alone."""
        return self.catalog.models.by_hash(wanted)

    def names(self, prefix: str, *, limit: int = 50) -> tuple[str, ...]:
        """Slugs that begin so, for completion in a shell."""
        return self.catalog.models.names(prefix, limit=limit)

    def catalog_add(self, file: Path) -> "ImportOutcome":
        """Bring the models of a catalog file in: all or nothing, nothing erased.

        Raises:
            CatalogInvalid: The file breaks its schema; it names row and field.
        """
        from registry.catalog.seed import import_seed, load_seed

        return import_seed(self.catalog, load_seed(file), origin="user")

    def catalog_check(self, file: Path) -> int:
        """Check a catalog file; returns how many models it holds.

        Raises:
            CatalogInvalid: The file breaks its schema; it names row and field.
        """
        from registry.catalog.seed import load_seed

        return len(load_seed(file).models)

    def catalog_upgrade(self) -> str:
        """Open the catalog, which brings it to this program's schema; returns the revision."""
        from registry.catalog.schema import HEAD

        _ = self.catalog
        return HEAD

    def catalog_export(self) -> dict[str, Any]:
        """The whole catalog in the form of a catalog file."""
        return self.catalog.export()

    # ── install and remove ────────────────────────────────────────────────────────────────────────

    def wish(self, **changes: Any) -> Preference:
        """The wish that the settings express, with changes."""
        settings = self.settings
        wish = Preference(
            precision=settings.prefer,
            full=settings.full,
            format=settings.format,
            allow_pickle=settings.allow_pickle,
        )
        return replace(wish, **changes)

    def why(self, reference: str, wish: Preference | None = None) -> Choice:
        """Which file would be taken, and why none of the others.

        A name that the catalog knows is answered without the network.
        """
        from registry.operations.plan_install import decide

        return decide(reference, wish or self.wish(), self.rooms)

    def plan_install(
        self,
        reference: str,
        wish: Preference | None = None,
        *,
        sha256: str | None = None,
        accept_disputed: str | None = None,
        type: str | None = None,  # noqa: A002 -- the word of the command line and of the field
        keep_pickle: bool = False,
    ) -> "InstallPlan":
        """What an install would do: files, bytes, places. Changes nothing on the disk.

        A pickle will be converted to safetensors, unless `keep_pickle` says otherwise.

        Args:
            reference: What to install.
            wish: What the user would like; None is what the settings say.
            sha256: Hash that the file must have.
            accept_disputed: Hash of other bytes that are accepted where the promise is disputed.
            type: Decides the folders; None leaves that to what is known of the model.
            keep_pickle: Store and link a pickle as it is.

        Raises:
            NoSuitableFile: Every file was rejected.
            SdregError: As `find_model` does.
        """
        from registry.operations.plan_install import Terms, plan_install

        terms = Terms.read(
            sha256=sha256,
            accept_disputed=accept_disputed,
            model_type=_type_slug(type),
            keep_pickle=keep_pickle,
        )
        return plan_install(reference, wish or self.wish(), terms, self.rooms)

    def install(
        self, plan: "InstallPlan | str", *, progress: Progress | None = None
    ) -> "InstallReport":
        """Carry out a plan, or plan and install a reference.

        Raises:
            HashMismatch: A file is not what was promised; nothing of it is kept under a final name.
            HashDisputed: Several reads agree with each other and not with what was promised.
            SdregError: As the rooms raise.
        """
        from registry.operations.install import install

        if isinstance(plan, str):
            plan = self.plan_install(plan)
        return install(plan, self._recovered(), progress or Progress())

    def plan_many(
        self,
        orders: "Iterable[Order]",
        wish: Preference | None = None,
        *,
        type: str | None = None,  # noqa: A002 -- the word of the command line and of the field
        keep_pickle: bool = False,
    ) -> "tuple[Outcome, ...]":
        """Plan several installs; what cannot be planned keeps its error."""
        from registry.operations.install_many import plan_many

        return plan_many(
            orders,
            wish or self.wish(),
            self.rooms,
            model_type=_type_slug(type),
            keep_pickle=keep_pickle,
        )

    def install_many(
        self,
        planned: "Sequence[Outcome]",
        *,
        at_once: int = 4,
        progress: Progress | None = None,
    ) -> "tuple[Outcome, ...]":
        """Carry out several plans, a few at once; one that fails does not stop the others."""
        from registry.operations.install_many import install_many

        return install_many(planned, self._recovered(), progress or Progress(), at_once=at_once)

    def installed(self, reference: str | None = None) -> tuple[Install, ...]:
        """Records of what is installed: all, or those that a name, reference or hash means.

        Raises:
            NotInstalled: Nothing of that name is installed.
        """
        if reference is None:
            return self.catalog.installs.all()
        found = self.catalog.installs.find(reference)
        if not found:
            model = self.catalog.models.find(reference)
            found = self.catalog.installs.find(model.slug) if model else ()
        if not found:
            raise NotInstalled(reference)
        return found

    def disputes_accepted(self, install: Install) -> "tuple[Dispute, ...]":
        """What was promised instead of this install's bytes, where the user accepted them."""
        return () if install.proven else self.catalog.disputes.accepted(install.sha256)

    def disputes_about(self, model: Model) -> "tuple[Dispute, ...]":
        """Every dispute about a hash that is promised of this model's files."""
        promised = dict.fromkeys(known for _, file in model.files for known in file.hashes)
        return tuple(
            dispute for known in promised for dispute in self.catalog.disputes.about(known)
        )

    def path(self, reference: str) -> tuple[Path, ...]:
        """Where an installed model lies: its links, the library's first, else the stored file.

        Raises:
            NotInstalled: Nothing of that name is installed.
        """
        return tuple(
            path
            for install in self.installed(reference)
            for path in [link.path for link in install.links]
            or [self.rooms.store.path_of(install.sha256)]
        )

    def remove(self, reference: str) -> "tuple[Removed, ...]":
        """Take an installed model away; files that are not ours stay.

        Raises:
            NotInstalled: Nothing of that name is installed.
        """
        from registry.operations.remove import remove

        rooms = self._recovered()
        return tuple(remove(install, rooms) for install in self.installed(reference))

    def link(self, reference: str | None = None) -> "tuple[Linked, ...]":
        """Link what is installed into the UIs that are configured now."""
        from registry.operations.link import link

        rooms = self._recovered()
        return tuple(link(install, rooms) for install in self.installed(reference))

    # ── prove and mend ────────────────────────────────────────────────────────────────────────────

    def audit(
        self,
        references: Sequence[str] = (),
        *,
        wish: "AuditWish | None" = None,
        progress: Progress | None = None,
    ) -> "AuditReport":
        """Read installed files from the disk and compare every byte with what was stored.

        Args:
            references: Installed models; all of them if there are none.
            wish: Which of them, for how long, how fast and how deep.
            progress: Hears of every byte.

        Raises:
            NotInstalled: Nothing of a name is installed.
            AuditRunning: Another process is at it.
        """
        from registry.operations.audit import AuditWish, audit

        rooms = self._recovered()
        wish = wish or AuditWish(scope="named" if references else "all")
        return audit(self._chosen(references), wish, rooms, progress or Progress(), _clockwork())

    def verify(
        self,
        references: Sequence[str] = (),
        *,
        deep: bool = False,
        progress: Progress | None = None,
    ) -> "AuditReport":
        """The short form of an audit: these models, or all, to the end."""
        from registry.operations.audit import AuditWish

        wish = AuditWish(scope="named" if references else "all", deep=deep)
        return self.audit(references, wish=wish, progress=progress)

    def run_scheduled(self, *, progress: Progress | None = None) -> "ScheduledRun":
        """Carry out the audit that is due by the schedule, if one is.

        Raises:
            AuditRunning: Another process is at it.
        """
        from registry.operations.scheduled import run_scheduled

        told = progress or Progress()
        return run_scheduled(self._recovered(), told, zone=None, clockwork=_clockwork())

    def repair(
        self,
        references: Sequence[str] = (),
        *,
        everything: bool = False,
        dry_run: bool = False,
        undo_edit: "Callable[[Finding], bool] | None" = None,
        progress: Progress | None = None,
    ) -> "RepairReport":
        """Check, then mend what is damaged: only the bytes that nothing here has are fetched.

        Args:
            references: Installed models; if there are none, those of which an audit found
                something, and if there are none of those either, all.
            everything: Check all of them in any case.
            dry_run: Only say what would be done.
            undo_edit: Whether metadata that somebody edited shall be put back; never, if left out.
            progress: Hears what happens.
        """
        from registry.operations.audit import AuditWish
        from registry.operations.repair import plan, repair

        if not references and not everything:
            bad = {finding.sha256 for finding in self.catalog.audits.latest_findings()}
            references = tuple(sorted(bad))
        report = self.audit(references, wish=AuditWish(scope="repair"), progress=progress)
        if dry_run:
            return plan(report.checked, self.rooms)
        told = progress or Progress()
        return repair(
            report.checked, self.rooms, told, undo_edit=undo_edit or (lambda _finding: False)
        )

    def export_metalink(
        self, references: Sequence[str] = (), *, progress: Progress | None = None
    ) -> "Export":
        """Describe installed files as a Metalink document, by which aria2 repairs as well.

        Raises:
            NotInstalled: Nothing of that name is installed.
            InvalidArgument: Nothing is installed at all.
        """
        from registry.operations.export_metalink import export_metalink

        chosen = self._chosen(references)
        return export_metalink(chosen, self.rooms, progress or Progress(), generator=USER_AGENT)

    def smoke(
        self,
        targets: Sequence[str] = (),
        *,
        due: timedelta | None = None,
        base: str | None = None,
        device: str = "auto",
        seed: int = 1,
        progress: Progress | None = None,
    ) -> "tuple[SmokeRun, ...]":
        """Try whether models make a picture; every run is recorded.

        Args:
            targets: Installed models and files of weights; none means every installed model.
            due: Only those that were not tried for so long.
            base: The checkpoint that adapters are tried on: a file, or an installed model.
            device: ``auto``, ``cuda``, ``mps`` or ``cpu``.
            seed: Of the noise.
            progress: Hears of every stage.

        Raises:
            NotInstalled: Nothing of that name is installed.
        """
        from registry.operations.smoke import Manner, smoke, subject_at, subject_of
        from registry.operations.smoke import due as still_due

        rooms = self._recovered()
        subjects = []
        for target in targets or (None,):
            if target is not None and means_a_path(target):
                subjects.append(subject_at(Path(target)))
            else:
                found = self.installed(target)
                subjects += [subject_of(each, rooms) for each in found if _is_a_model(each)]
        subjects = list({subject.key: subject for subject in subjects}.values())
        if due is not None:
            subjects = list(still_due(subjects, rooms, after=due))
        on = None
        if base is not None:
            on = Path(base) if means_a_path(base) else self.path(base)[0]
        manner = Manner(base=on, device=device, seed=seed, environment=harmless_environment())
        return smoke(subjects, rooms, progress or Progress(), manner)

    def last_smoke(self, install: Install) -> "SmokeRun | None":
        """The newest smoke test of an installed file."""
        return self.catalog.smokes.last(f"sha256:{install.sha256}")

    def _chosen(self, references: Sequence[str]) -> tuple[Install, ...]:
        if not references:
            return self.installed()
        chosen = (install for name in references for install in self.installed(name))
        return tuple(dict.fromkeys(chosen))

    # ── other forms of a file ─────────────────────────────────────────────────────────────────────

    def convert(
        self,
        source: Path | str,
        output: Path | str | None = None,
        *,
        precision: Precision | None = None,
        prune: bool = False,
        take_averages: bool = False,
        vae: Path | str | None = None,
        progress: Progress | None = None,
    ) -> "Converted":
        """Make a safetensors file from any file of weights; every tensor of it is compared.

        Args:
            source: A pickle or a safetensors file. It is only read.
            output: A name that is free; else the source's with another suffix.
            precision: Of the floating tensors; None leaves each as it is.
            prune: Leave out what only training needs.
            take_averages: Let the averaged weights (EMA) take the place of the trained ones.
            vae: A file whose VAE takes the place of the own one.
            progress: Hears of the bytes that are done.

        Raises:
            SdregError: As `convert_file` does.
        """
        from registry.operations.convert_file import convert_file

        source = Path(source)
        return convert_file(
            source,
            Path(output) if output is not None else source.with_suffix(".safetensors"),
            progress or Progress(),
            precision=precision,
            prune=prune,
            take_averages=take_averages,
            vae=Path(vae) if vae is not None else None,
            durable=self.settings.durable,
        )

    def merge(
        self,
        models: Sequence[Path | str],
        output: Path | str,
        *,
        method: str = "weighted-sum",
        multiplier: float = 0.5,
        precision: Precision | None = None,
        progress: Progress | None = None,
    ) -> "Merged":
        """Blend two or three models into one file, as A1111 does; every tensor is compared.

        Args:
            models: Two files for ``weighted-sum``, three for ``add-difference``.
            output: A name that is free.
            method: How they are blended.
            multiplier: Weight of the second model, or of the difference.
            precision: Of the result; None keeps what the models have.
            progress: Hears of the bytes that are done.

        Raises:
            SdregError: As `merge_files` does.
        """
        from registry.operations.merge_files import merge_files

        return merge_files(
            [Path(model) for model in models],
            Path(output),
            progress or Progress(),
            method=method,
            multiplier=multiplier,
            precision=precision,
            durable=self.settings.durable,
        )

    # ── the installation itself ───────────────────────────────────────────────────────────────────

    def refresh(
        self, references: Sequence[str] = (), *, progress: Progress | None = None
    ) -> "tuple[Refreshed, ...]":
        """Ask the hubs again about these models, or about the installed ones."""
        from registry.operations.refresh import refresh

        if references:
            models = [self.show(name) for name in references]
        else:
            models = list(self.list(installed=True))
        # Hubs remember their answers; asking again means asking fresh ones.
        rooms = replace(self.rooms, hubs=self._hubs())
        return refresh(models, rooms, progress or Progress())

    def doctor(self, *, offline: bool = False) -> "tuple[Check, ...]":
        """What is right and wrong with this installation, each with its remedy.

        Never raises `SdregError`: what cannot even be opened is a line of the report.

        Args:
            offline: Ask no hub whether it can be reached.
        """
        from registry.operations.doctor import doctor

        return doctor(self._patient(), offline=offline)

    def put_right(self) -> "tuple[Fixed, ...]":
        """Put right what is safe: permissions of ours, a damaged catalog, interrupted installs.

        Nothing of the user's is touched, and nothing is deleted that holds anything. Never raises
        `SdregError`: what stays as it is is told with its reason.
        """
        from registry.operations.put_right import put_right

        return put_right(self._patient(), set_catalog_aside=self.set_catalog_aside)

    def _patient(self) -> "Patient":
        from registry.operations.doctor import Patient
        from registry.store.blobs import Store

        settings = self.settings
        return Patient(
            home=settings.home,
            catalog_file=settings.catalog_file,
            token_file=settings.token_file,
            store=Store(settings.home, durable=settings.durable),
            enter=lambda: self.rooms,
            hubs=self._hubs,
            logged_in=lambda hub: settings.token(hub) is not None,
            environment=harmless_environment(),
            user_agent=USER_AGENT,
        )

    def set_catalog_aside(self) -> Path | None:
        """Move a catalog that cannot be read into the backups; the next use makes a new one.

        Nothing is deleted, and the stored files stay: installing them again fetches nothing.

        Returns:
            Where it lies now, None if the catalog is sound or is not there.
        """
        from registry.catalog import set_aside

        try:
            trouble = self.catalog.check()
        except CatalogDamaged:
            trouble = ("it cannot be opened",)
        if not trouble:
            return None
        damaged = self.__dict__.pop("catalog", None)
        if damaged is not None:
            damaged.close()
        self.__dict__.pop("rooms", None)
        settings = self.settings
        return set_aside(settings.catalog_file, backups=settings.backups, clock=now)

    def rebuild_catalog(self) -> "Rebuilt":
        """Write the records of what is stored again, after the catalog was lost.

        A damaged catalog belongs aside first, see `set_catalog_aside`. Records that are there stay.

        Raises:
            StoreError: The disk refuses.
        """
        from registry.operations.rebuild import rebuild

        return rebuild(self._recovered())

    def find_waste(self) -> "tuple[Waste, ...]":
        """What of ours is of no use any more. Changes nothing."""
        from registry.operations.collect import find_waste

        return find_waste(self._recovered())

    def throw_away(self, waste: "Waste") -> bool:
        """Let one thing go, if it is waste still; says whether it went.

        Raises:
            InUse: Another process is at work on it.
            StoreError: The disk refuses.
        """
        from registry.operations.collect import throw_away

        return throw_away(waste, self.rooms)

    # ── while nobody sits here ────────────────────────────────────────────────────────────────────

    def plan_timer(self, wanted: str | None = None) -> "TimerPlan":
        """What would be written where so that the system calls sdreg. Changes nothing.

        Args:
            wanted: ``systemd``, ``cron``, ``launchd`` or ``windows``; None takes what is here.

        Raises:
            OutsideError: There is none, or it does not answer.
        """
        from registry.operations.audit_timer import plan_timer

        return plan_timer(self._timer_call, wanted=wanted)

    def install_timer(self, plan: "TimerPlan") -> None:
        """Let the system call sdreg once an hour; all of it or nothing.

        Raises:
            OutsideError: The system does not want it.
        """
        from registry.operations.audit_timer import install_timer

        install_timer(plan, self._timer_call)

    def timers(self) -> "TimersThere":
        """The timers of the system that call sdreg for this home, and how they lie there."""
        from registry.operations.audit_timer import installed_timers

        return installed_timers(self._timer_call)

    def uninstall_timer(self, wanted: str | None = None) -> tuple[str, ...]:
        """Take away the timers that call sdreg for this home; returns which went.

        Raises:
            OutsideError: The system does not let it go, or something of that name is not ours.
        """
        from registry.operations.audit_timer import uninstall_timer

        return uninstall_timer(self._timer_call, wanted=wanted)

    @property
    def _timer_call(self) -> "Call":
        from registry.operations.audit_timer import timer_call

        return timer_call(
            self.settings.home,
            default_home=home_folder({}),
            called_as=sys.argv[0],
            python=sys.executable,
        )

    @property
    def wants_to_be_told(self) -> bool:
        """Whether the settings name anybody for notifications."""
        return (self.settings.notify_command or self.settings.notify_url) is not None

    def tell(self, subject: str, body: str, document: Mapping[str, object]) -> tuple[str, ...]:
        """Tell those whom the settings name; returns a sentence for each who could not be told."""
        from registry.operations.notify import NotifyWishes, tell

        wishes = NotifyWishes(
            self.settings.notify_command,
            self.settings.notify_url,
            environment_without_secrets(),
        )
        return tell(subject, body, document, wishes)

    # ── hubs ──────────────────────────────────────────────────────────────────────────────────────

    def login(self, hub: str, token: Secret) -> str:
        """Keep a token for a hub; returns where it is kept.

        Raises:
            InvalidArgument: There is no such hub, or it takes no tokens.
        """
        from registry.settings import credentials

        return credentials.store(self.settings.home, hub_with_login(hub), token)

    def logout(self, hub: str) -> bool:
        """Forget the token of a hub; says whether there was one."""
        from registry.settings import credentials

        return credentials.forget(self.settings.home, hub_with_login(hub))


def inspect_file(
    path: Path | str, *, hashes: bool | None = None, deep: bool = False
) -> "Inspection":
    """What a file or a folder of diffusers on this disk is; no catalog is asked.

    Args:
        path: Where it lies.
        hashes: Whether to read all of it for its hashes; None does so for small files.
        deep: Whether to look at every weight for values that are no numbers.

    Raises:
        FormatError: It is broken, or cannot be read.
    """
    from registry.operations.inspect import inspect_file as inspected

    return inspected(Path(path), hashes=hashes, deep=deep)


def hash_file(path: Path | str) -> "Hashes":
    """Every hash that a file has: SHA-256, BLAKE3, CRC-32, AutoV1, AutoV2 and AutoV3.

    The AutoV3 has all 64 digits: of a safetensors file it is the addnet hash of its tensors.

    Raises:
        UnreadableFile: It cannot be opened or read.
    """
    from registry.operations.inspect import hash_file as hashed

    return hashed(Path(path))


def means_a_path(text: str) -> bool:
    """Whether a text names something on this disk: it is there, or can be nothing else."""
    if Path(text).exists():
        return True
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", text):
        return False
    return any(sign in text for sign in "/\\") or text.startswith((".", "~"))


def hub_with_login(hub: str) -> str:
    """The hub, if it is one that takes tokens.

    Raises:
        InvalidArgument: It is not.
    """
    if hub not in HUBS_WITH_LOGIN:
        known = " or ".join(HUBS_WITH_LOGIN)
        raise InvalidArgument(f"{hub!r}", "is not a hub with a login", f"It may be {known}.")
    return hub


def _is_a_model(install: Install) -> bool:
    """Whether it holds weights; a config that came along with a model holds none."""
    return not install.file_name.endswith((".yaml", ".yml", ".json", ".txt"))


def _type_slug(text: str | None) -> str | None:
    if text is None:
        return None
    from registry.taxonomy.lookup import find_model_type, model_types

    slug = find_model_type(text)
    if slug is None:
        known = ", ".join(sorted(model_types()))
        raise InvalidArgument(f"--type {text}", "is not a type of model", f"It may be {known}.")
    return slug


def _base_slug(text: str | None) -> str | None:
    if text is None:
        return None
    from registry.taxonomy.lookup import architectures, find_architecture

    slug = find_architecture(text)
    if slug is None:
        known = ", ".join(sorted(architectures()))
        raise InvalidArgument(f"--base {text}", "is not a base architecture", f"It may be {known}.")
    return slug
