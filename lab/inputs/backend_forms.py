"""A backend definition's file: which language it is in, and the one backend of it that is meant."""

from __future__ import annotations

import json
import re

from lab.inputs import backend_data, backend_vcl
from lab.inputs.backend_written import Form, WrittenBackend, chosen, repeated
from lab.inputs.findings import Finding


def form_of(text: str, file: str) -> Form:
    """The language of a file: by its name, else by what it looks like."""
    suffix = file.rpartition(".")[2].upper()
    if suffix in {str(form) for form in Form}:
        return Form(suffix)
    start = text.removeprefix("\N{BYTE ORDER MARK}").lstrip()
    if start.startswith("{"):
        return Form.JSON
    if start.startswith("["):
        try:
            json.loads(start)
        except json.JSONDecodeError:
            return Form.TOML
        return Form.JSON
    return (
        Form.VCL
        if re.search(r"^\s*backend\s+\S+\s*\{|^\s*\.\w+\s*=", text, re.MULTILINE)
        else Form.TOML
    )


def backend_in(
    text: str, file: str, form: Form, name: str | None
) -> tuple[WrittenBackend, list[Finding]]:
    """The backend of this name, or the first, with every parameter once.

    Raises:
        InputError: the file is not in this language, or has no such backend.
    """
    reader = {
        Form.VCL: backend_vcl.read,
        Form.TOML: backend_data.read_toml,
        Form.JSON: backend_data.read_json,
    }[form]
    backend, findings = chosen(reader(text.removeprefix("\N{BYTE ORDER MARK}"), file), name, file)
    backend, more = repeated(backend, file)
    return backend, [*findings, *more]
