"""Progress goes to stderr: bars where somebody watches, lines elsewhere, nothing if quiet."""

import io

from registry.cli.progress import Bar, Lines, progress_for_terminal


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_lines_say_the_begin_and_the_end(capsys):
    progress = Lines()
    progress.begin("ink.safetensors", 4_000_000, 1_000_000)
    progress.advance(3_000_000)
    progress.end()

    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[0] == "ink.safetensors: 4.00 MB, 1.00 MB are here already"
    assert err.splitlines()[1].startswith("ink.safetensors: 4.00 MB done in ")
    assert len(err.splitlines()) == 2


def test_lines_come_between_as_time_passes(capsys):
    progress = Lines(every_s=0.0)
    progress.begin("ink", 3000)
    for _ in range(3):
        progress.advance(1000)
    progress.end()

    assert capsys.readouterr().err.splitlines()[1:4] == [
        "ink: 1.00 kB of 3.00 kB",
        "ink: 2.00 kB of 3.00 kB",
        "ink: 3.00 kB of 3.00 kB",
    ]


def test_a_size_that_nobody_knows_is_a_question_mark(capsys):
    progress = Lines(every_s=0.0)
    progress.begin("ink", None)
    progress.advance(5)

    assert capsys.readouterr().err == "ink: ?\nink: 5 bytes of ?\n"


def test_what_is_said_is_free_of_what_drives_a_terminal(capsys):
    progress = Lines()
    progress.begin("a\x1b[2J\nb", 1)
    progress.say("c\x9b\u202ed\ne")

    assert capsys.readouterr().err == "a[2Jb: 1 bytes\ncd\ne\n"


def test_quiet_is_silent_but_for_messages(capsys):
    progress = progress_for_terminal(quiet=True)
    progress.begin("ink", 3)
    progress.advance(3)
    progress.end()
    assert capsys.readouterr() == ("", "")

    progress.say("took it from elsewhere")
    assert capsys.readouterr() == ("", "took it from elsewhere\n")


def test_a_terminal_gets_a_bar_and_anything_else_lines(monkeypatch):
    assert isinstance(progress_for_terminal(), Lines)
    monkeypatch.setattr("sys.stderr", Terminal())
    assert isinstance(progress_for_terminal(), Bar)


def test_a_bar_shows_names_as_they_are_and_clears_itself(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    bar = Bar()
    bar.begin("[red]ink\x9b[/red]", 1000)
    bar.advance(1000)
    bar.say("[bold]fell back\x1b]0;x\x07[/bold]")
    bar.end()
    bar.end()

    shown = terminal.getvalue()
    assert "[red]ink[/red]" in shown
    assert "[bold]fell back]0;x[/bold]" in shown
    assert "\x1b]0;" not in shown
    assert "\x9b" not in shown
