"""Refresh, remove, link and doctor."""

from dataclasses import replace

from registry.api import Registry
from registry.operations.health import Health
from tests.operations.seeding import add_model, row


def health(registry):
    return {check.what: check.health for check in registry.doctor()}


def test_a_model_that_its_hub_lost_is_marked_and_stays_known(registry, hub):
    registry.install("civitai:901")
    hub.take_down("civitai:901")

    (outcome,) = registry.refresh(["civitai-901"])

    assert outcome.outcome == "gone"
    model = registry.show("civitai-901")
    assert model.versions[0].files[0].gone_since is not None
    assert model.versions[0].files[0].hashes.sha256

    hub.restore("civitai:901")
    (outcome,) = registry.refresh(["civitai-901"])
    assert outcome.outcome == "current"
    assert registry.show("civitai-901").versions[0].files[0].gone_since is None


def test_a_hub_that_does_not_answer_changes_nothing(registry, hub, tmp_path):
    registry.install("civitai:901")
    deaf = Registry(replace(registry.settings, civitai_url="http://127.0.0.1:9"))

    (outcome,) = deaf.refresh(["civitai-901"])

    assert outcome.outcome == "failed"
    assert deaf.show("civitai-901").versions[0].files[0].gone_since is None


def test_removing_takes_links_and_bytes_but_not_what_changed_meanwhile(registry):
    (done,) = registry.install("civitai:901").files
    changed = done.install.links[1].path
    changed.unlink()
    changed.write_bytes(b"the user put something else here")

    (removed,) = registry.remove("civitai-901")

    assert removed.left == (changed,)
    assert changed.read_bytes() == b"the user put something else here"
    assert removed.freed_bytes == done.blob.size_bytes
    assert not done.blob.path.exists()
    assert not done.install.links[0].path.exists()


def test_linking_twice_makes_nothing_new(registry):
    registry.install("civitai:901")

    assert [entry.new for entry in registry.link()] == [()]


def test_the_doctor_finds_a_lost_file_an_orphan_and_an_absent_ui(registry, tmp_path):
    (done,) = registry.install("civitai:901").files
    assert health(registry)["store"] is Health.GOOD

    registry.catalog.installs.remove(done.install.id)
    assert health(registry)["orphans"] is Health.NOTE

    registry.install("civitai:901")
    done.blob.path.unlink()
    (tmp_path / "comfy").rename(tmp_path / "unplugged")
    found = health(registry)
    assert found["store"] is Health.BAD
    assert found["ui comfyui"] is Health.BAD
    assert all(check.remedy for check in registry.doctor() if check.health is Health.BAD)


def test_two_models_with_the_same_bytes_have_a_record_each(registry, hosted, tmp_path):
    add_model(registry, tmp_path, "one", [row(hosted)])
    add_model(registry, tmp_path, "two", [row(hosted, name="other-name.safetensors")])
    registry.install("one")
    (second,) = registry.install("two").files

    assert second.status == "linked"
    assert {install.slug for install in registry.installed()} == {"one", "two"}
    registry.remove("one")
    assert registry.verify().findings == ()
    assert all(path.is_file() for path in registry.path("two"))


def test_a_hub_that_nobody_knows_is_one_failed_source_among_others(registry, hosted, tmp_path):
    strange = {"hub": "nohub", "model": "x", "file": "y"}
    sources = [strange, *row(hosted)["sources"]]
    add_model(registry, tmp_path, "strange", [row(hosted, sources=sources)])

    (done,) = registry.install("strange").files
    outcomes = {one.reference: one.outcome for one in registry.refresh(["strange"])}

    assert done.install.source == "civitai:901@902+903"
    assert outcomes["nohub:x"] == "failed"


def test_the_hash_that_the_user_gives_is_for_the_chosen_file_alone(registry, hosted, tmp_path):
    config = {
        "name": "noise.yaml",
        "role": "config",
        "format": "config",
        "sources": [{"hub": "huggingface", "model": "long/gone", "file": "noise.yaml"}],
    }
    weights = row(hosted, hashes={})
    add_model(registry, tmp_path, "with-config", [weights, config])

    plan = registry.plan_install("with-config", sha256=hosted.hashes["SHA256"])
    report = registry.install(plan)

    assert [step.candidate.file.hashes.sha256 for step in plan.steps][1] is None
    (done,) = report.files
    assert done.install.proven
    assert done.notes[-1].startswith("noise.yaml belongs beside it and could not be had: ")


def test_a_blob_that_two_installs_share_is_mended_once(registry, hosted, tmp_path, hub):
    add_model(registry, tmp_path, "one", [row(hosted)])
    add_model(registry, tmp_path, "two", [row(hosted, name="other-name.safetensors")])
    (done,) = registry.install("one").files
    registry.install("two")
    done.blob.path.chmod(0o644)
    done.blob.path.write_bytes(b"x" * hosted.size_bytes)

    report = registry.repair()

    assert report.failed == ()
    assert sum(bool(one.fetched_bytes) for one in report.mended) == 1
    assert len(list(registry.rooms.store.quarantined())) == 1
    assert registry.verify().findings == ()


def test_a_verification_tells_only_the_bytes_that_it_read(registry, hosted):
    (done,) = registry.install("civitai:901").files
    whole = registry.verify().read_bytes
    assert whole >= hosted.size_bytes

    done.blob.path.unlink()

    assert registry.verify().read_bytes == whole - hosted.size_bytes
