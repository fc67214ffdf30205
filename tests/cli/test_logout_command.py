"""`sdreg logout` leaves what is not its own."""


def test_a_token_of_the_environment_stays(sdreg, monkeypatch):
    monkeypatch.setenv("CIVITAI_TOKEN", "from-the-environment")

    assert sdreg("logout", "civitai").out == "no token for civitai was kept\n"
    assert "good  civitai: a token for Civitai is known\n" in sdreg("doctor", "--offline").out
