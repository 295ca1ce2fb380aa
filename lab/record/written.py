"""Settings in JSON: as the data classes have them, protocol ranges in their written form."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from lab.model import PROTOCOLS, ClientSettings, ProtocolRange, ServerSettings


class Written:
    """Annotation of a settings field: a protocol range is the text that the command line takes."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_before_validator_function(
            self._read,
            handler(source),
            serialization=core_schema.wrap_serializer_function_ser_schema(self._write),
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        reference = handler(schema)
        resolved = handler.resolve_ref_schema(reference)
        settings = {"ServerSettings": ServerSettings, "ClientSettings": ClientSettings}
        for field in dataclasses.fields(settings[resolved["title"]]):
            resolved["properties"][field.name]["description"] = field.metadata.get("help", "")
        version = "|".join(re.escape(p) for p in PROTOCOLS)
        resolved["properties"]["protocols"] |= {
            "anyOf": [
                {"type": "string", "pattern": rf"^({version}|({version})?\.\.({version})?)$"},
                {"type": "null"},
            ]
        }
        return reference

    @staticmethod
    def _read(value: Any) -> Any:
        if isinstance(value, Mapping) and isinstance(value.get("protocols"), str):
            return {**value, "protocols": ProtocolRange.parse(value["protocols"])}
        return value

    @staticmethod
    def _write(value: Any, handler: core_schema.SerializerFunctionWrapHandler) -> Any:
        written = handler(value)
        if value.protocols is not None:
            written["protocols"] = str(value.protocols)
        return written
