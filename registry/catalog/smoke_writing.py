"""Writing about smoke tests."""

import json
from dataclasses import asdict

from registry.catalog.database import Database
from registry.catalog.instants import to_text
from registry.domain.smoke import SmokeRun


def add(database: Database, run: SmokeRun) -> None:
    """Keep a run."""
    result = run.result
    width, height = result.size or (None, None)
    with database.transaction() as transaction:
        transaction.insert(
            "smoke_runs",
            key=run.key,
            target=run.target,
            ran_at=to_text(run.at),
            verdict=result.verdict,
            reasons=json.dumps([asdict(reason) for reason in result.reasons]),
            seconds=json.dumps(result.seconds),
            figures=json.dumps(result.figures),
            device=result.device,
            dtype=result.dtype,
            steps=result.steps,
            width=width,
            height=height,
            seed=result.seed,
            peak_memory_bytes=result.peak_memory_bytes,
            picture=str(result.picture) if result.picture else None,
            picture_hash=result.picture_hash,
            compared=run.compared,
            versions=json.dumps(result.versions),
            base=result.base,
        )
