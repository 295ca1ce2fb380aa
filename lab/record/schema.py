"""The JSON Schema of ``record.json``, generated from the models."""

from __future__ import annotations

import json
from pathlib import Path

from lab.record.models import RunRecord

#: Where it is committed.
SCHEMA_PATH = Path(__file__).parents[1] / "schema" / "record.schema.json"


def schema_text() -> str:
    """The schema, as it is committed in :data:`SCHEMA_PATH`."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **RunRecord.model_json_schema(mode="serialization"),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
