"""``python -m lab.record --schema`` writes the record's JSON Schema to standard output."""

from __future__ import annotations

import ast
import inspect
import itertools
import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from lab.record import RunRecord

#: Where the schema is committed.
SCHEMA_PATH = Path(__file__).parents[1] / "schema" / "record.schema.json"


class _Schema(GenerateJsonSchema):
    """The schema of what a serializer of the record's own was given: what it writes has the same form.

    A field is described by the text below it. Pydantic can read these, too, but does so whenever it
    builds a model, which takes longer than all else that a single attempt has to build.
    """

    def ser_schema(self, schema: Any) -> JsonSchemaValue | None:
        """Nothing else for such a serializer."""
        return None if schema["type"] == "function-wrap" else super().ser_schema(schema)

    def model_schema(self, schema: Any) -> JsonSchemaValue:
        """That of a model, with its fields described."""
        return _described(super().model_schema(schema), schema["cls"])

    def dataclass_schema(self, schema: Any) -> JsonSchemaValue:
        """That of a dataclass, with its fields described."""
        return _described(super().dataclass_schema(schema), schema["cls"])


def _described(form: JsonSchemaValue, described: type) -> JsonSchemaValue:
    for cls in described.__mro__:
        if cls.__module__.partition(".")[0] != "lab":
            continue
        for field, text in itertools.pairwise(_classes(cls.__module__)[cls.__qualname__].body):
            match field, text:
                case (
                    ast.AnnAssign(target=ast.Name(name)),
                    ast.Expr(value=ast.Constant(str(words))),
                ) if name in form["properties"]:
                    form["properties"][name].setdefault("description", inspect.cleandoc(words))
    return form


@cache
def _classes(module: str) -> dict[str, ast.ClassDef]:
    """The classes in a module's source text, by their names."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


def schema_text() -> str:
    """The JSON Schema of ``record.json``, as it is committed in :data:`SCHEMA_PATH`."""
    schema = RunRecord.model_json_schema(mode="serialization", schema_generator=_Schema)
    del schema["$defs"]["Outcome"]["properties"]["report"]
    named = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(named, indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Return 0, or 2 for wrong usage."""
    if arguments != ["--schema"]:
        sys.stderr.write("usage: python -m lab.record --schema\n")
        return 2
    sys.stdout.write(schema_text())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
