"""Draw docs/demo.svg: what `sdreg demo` shows, as a picture for the README.

python scripts/draw_demo.py
"""

import io
import re
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

from registry.demo.story import play
from registry.domain.progress import Progress

PICTURE = Path(__file__).parents[1] / "docs" / "demo.svg"
WIDTH = 110


def main() -> None:
    """Play the story once and draw it."""
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    with tempfile.TemporaryDirectory() as folder:
        console.print(Text("$ sdreg demo", style="bold"))
        for number, scene in enumerate(play(Path(folder), Progress()), start=1):
            console.print(Text(f"\n{number}. {scene.title}", style="bold cyan"))
            console.print(Text(f"   $ {scene.command}", style="green"))
            for line in scene.says:
                shown = line.replace(folder, "~")
                console.print(Text(f"     {shown}"[:WIDTH]))
    drawing = console.export_svg(title="sdreg demo", unique_id="sdreg-demo")
    # The fonts of the template would be fetched from another site: a picture should ask nobody.
    drawing = re.sub(r"@font-face \{.*?\}\n", "", drawing, flags=re.DOTALL)
    PICTURE.write_text(drawing, encoding="utf-8")
    print(f"{PICTURE.name}: {len(drawing):,} bytes")


if __name__ == "__main__":
    main()
