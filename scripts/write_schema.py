"""Write docs/catalog.schema.json, the JSON Schema of catalog files.

    python scripts/write_schema.py

A test compares the file with what this would write.
"""

import json
from pathlib import Path

from registry.catalog.seed_schema import SeedCatalog, adapter

SCHEMA_FILE = Path(__file__).resolve().parent.parent / "docs" / "catalog.schema.json"


def schema_text() -> str:
    """The schema as the text of a file."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **adapter(SeedCatalog).json_schema(),
    }
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), "utf-8", newline="\n")
    print(f"{SCHEMA_FILE} written")
