"""A backend definition's file: which language it is in, and the one backend of it that is meant."""

from __future__ import annotations

import re

from lab.own import backend_data, backend_vcl
from lab.own.backend_written import Form, WrittenBackend, chosen, repeated
from lab.own.findings import Finding

#: A list of objects, an empty list, or one of lists.
_JSON_LIST = re.compile(r"\[\s*(?:\{|\]|\[\s*[\[{\]])")
_VCL = re.compile(r"^[ \t]*(?:backend\s+\S+\s*\{|\.\w+\s*=)", re.MULTILINE)


def form_of(text: str, file: str) -> Form:
    """The language of a file: by its name, else by what it looks like."""
    suffix = file.rpartition(".")[2].upper()
    if suffix in {str(form) for form in Form}:
        return Form(suffix)
    start = text.removeprefix("\N{BYTE ORDER MARK}").lstrip()
    if start.startswith("{"):
        return Form.JSON
    if start.startswith("["):
        # A list in JSON; or the name of a table, which may be that of a list of tables (`[[`), in TOML.
        return Form.JSON if _JSON_LIST.match(start) else Form.TOML
    return Form.VCL if _VCL.search(text) else Form.TOML


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
