"""The parameters of a file under the API's names; what is to be said of those that have no place there."""

from __future__ import annotations

from lab.own.backend_parameters import IGNORED, PARAMETERS, VCL_KINDS, VCL_NAMES
from lab.own.backend_written import Form, Kind, Written, WrittenBackend, closest
from lab.own.findings import Finding, Severity
from lab.text import cut, listed


def by_api_name(
    backend: WrittenBackend, form: Form, file: str
) -> tuple[dict[str, Written], list[Finding]]:
    """The parameters that say something about the connection, by the API's name.

    Returns:
        The parameters and the findings: unknown names, names of the other language, kinds that VCL does
        not take, what is ignored.
    """
    naming = _Naming(form, file)
    for parameter in backend.parameters:
        naming.take(parameter)
    naming.say_ignored()
    return naming.given, naming.findings


class _Naming:
    """The state of going through the parameters of one backend."""

    def __init__(self, form: Form, file: str) -> None:
        self.form, self.file = form, file
        self.given: dict[str, Written] = {}
        self.ignored: dict[str, list[Written]] = {}
        self.findings: list[Finding] = []

    def say(self, severity: Severity, at: Written, text: str) -> None:
        self.findings.append(Finding(severity, self.file, at.line, text))

    def take(self, parameter: Written) -> None:
        """Put a parameter under the API's name, or say that there is none."""
        name = VCL_NAMES.get(parameter.name, parameter.name)
        if name not in PARAMETERS:
            self._unknown(parameter)
            return
        if self.form is Form.VCL:
            if parameter.name in VCL_KINDS:
                self._check_kind(parameter, VCL_KINDS[parameter.name])
            elif parameter.name in PARAMETERS:
                self._not_in_vcl(parameter)
        elif parameter.name in VCL_NAMES:
            text = f"`{parameter}`: that is VCL's name; the API's is `{name}`. It is read as that"
            self.say(Severity.WARNING, parameter, text)
        if name in IGNORED:
            self.ignored.setdefault(IGNORED[name], []).append(parameter)
        else:
            self.given[name] = parameter

    def _unknown(self, parameter: Written) -> None:
        if self.form is Form.VCL:
            text = f"`{parameter}`: a backend in VCL has no `.{cut(parameter.name)}`"
            hint = closest("." + parameter.name, ("." + known for known in VCL_KINDS))
            self.say(Severity.ERROR, parameter, f"{text}{hint or '.'} The VCL does not compile")
        else:
            hint = closest(parameter.name, PARAMETERS)
            text = f"`{parameter}`: a backend has no parameter {cut(parameter.name)!r}{hint or '.'}"
            self.say(Severity.WARNING, parameter, f"{text} It has no effect")

    def _not_in_vcl(self, parameter: Written) -> None:
        names = {api: vcl for vcl, api in VCL_NAMES.items()}
        right = names.get(parameter.name)
        instead = f"VCL's is `.{right}`" if right else "VCL has none of it"
        text = (
            f"`{parameter}`: that is the API's name, {instead}, and the VCL does not compile. It is read"
            " as if it were right"
        )
        self.say(Severity.ERROR, parameter, text)

    def _check_kind(self, parameter: Written, wanted: Kind) -> None:
        kinds = {wanted, Kind.LONG_STRING} if wanted is Kind.STRING else {wanted}
        if wanted is Kind.BLOCK:
            kinds |= {Kind.WORD}  # a probe that is declared elsewhere
        if parameter.kind in kinds:
            return
        wants = {
            Kind.STRING: "a string, and a string stands in quotes",
            Kind.BOOLEAN: "true or false",
            Kind.WORD: "always or never",
            Kind.TIME: "a time with its unit",
            Kind.INTEGER: "a number",
            Kind.BLOCK: "a block",
        }[wanted]
        example = (
            f'`.{parameter.name} = "{cut(str(parameter.value))}";`' if wanted is Kind.STRING else ""
        )
        text = f"`{parameter}` is no valid VCL: it wants {wants}{': ' if example else ''}{example}"
        self.say(Severity.ERROR, parameter, text)

    def say_ignored(self) -> None:
        for why, parameters in self.ignored.items():
            names = listed(f"{p.name} (line {p.line})" for p in parameters)
            self.say(Severity.NOTE, parameters[0], f"ignored, because {why}: {names}")
