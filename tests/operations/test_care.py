"""Refresh, remove, link and doctor."""

from dataclasses import replace

from registry.api import Registry
from registry.operations.doctor import Health


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
