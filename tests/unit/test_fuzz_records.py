"""Whatever a file has that is to be a record, an archive of images or a document: it is read or refused."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.check.baseline import CheckBaseline, baseline_in_words
from lab.check.baseline import compare as compare_checks
from lab.compare import baseline, compare
from lab.documents import DocumentError, parse
from lab.images import archive
from lab.images.errors import ImageError
from lab.own.findings import InputError
from lab.record import RecordError, load, to_json
from lab.report.plain import changes_in_words
from tests.unit.checks import RESULT
from tests.unit.fuzzing import anything, check_sentences, fuzz, spoilt, spoilt_bytes
from tests.unit.made_up import run_record

RUN = run_record()
WHOLE = to_json(RUN)
DATA = json.loads(WHOLE)
JOURNAL = "\n".join(
    [
        json.dumps(
            {"run": {k: v for k, v in DATA.items() if k not in ("attempts", "cases", "complete")}}
        ),
        json.dumps({"attempt": DATA["attempts"][0]}),
        json.dumps({"case": DATA["cases"][0]}),
        "",
    ]
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("records")


def check(path: Path) -> None:
    """The file is a record that can be compared and made a baseline of, or it is refused with its name."""
    try:
        record = load(path)
    except RecordError as error:
        check_sentences(str(error), naming=str(path))
        return
    changes_in_words(compare(record, RUN))
    baseline(record)


@given(spoilt([CheckBaseline.of(RESULT).text()]))
@fuzz
def test_a_spoilt_baseline_of_a_check_is_read_or_refused(folder: Path, text: str) -> None:
    path = folder / "check.json"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        compared = compare_checks(CheckBaseline.read(path), RESULT, str(path))
    except InputError as error:
        check_sentences(str(error).partition("\n")[0], naming=str(path))
        check_sentences(error.remedy)
        return
    assert baseline_in_words(compared, "ja")


@given(spoilt([WHOLE, baseline(RUN)]))
@fuzz
def test_a_spoilt_record_is_read_or_refused(folder: Path, text: str) -> None:
    path = folder / "record.json"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    check(path)


@given(spoilt([JOURNAL]))
@fuzz
def test_a_spoilt_journal_is_read_or_refused(folder: Path, text: str) -> None:
    path = folder / "attempts.jsonl"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    check(path)


@st.composite
def exchanged(draw: st.DrawFn) -> str:
    """A record in which some values are others."""
    data = json.loads(WHOLE)
    for _ in range(draw(st.integers(1, 3))):
        place: Any = data
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            key = draw(st.sampled_from(keys))
            if not isinstance(place[key], dict | list) or not place[key] or draw(st.booleans()):
                break
            place = place[key]
        place[key] = draw(anything())
    return json.dumps(data)


@given(exchanged())
@fuzz
def test_a_record_with_other_values_is_read_or_refused(folder: Path, text: str) -> None:
    path = folder / "values.json"
    path.write_text(text, encoding="utf-8")
    check(path)


# -- archives of images ----------------------------------------------------------------------------


def tar(manifest: bytes) -> bytes:
    """An archive with a layer and this manifest."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as file:
        for name, content in (("é" * 60 + "/layer.tar", b"layer"), ("manifest.json", manifest)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


MANIFEST = b'[{"Config": "a.json", "RepoTags": ["tls-lab/rocky9:0123"], "Layers": ["layer.tar"]}]'


@given(
    spoilt_bytes([tar(MANIFEST)])
    | spoilt_bytes([MANIFEST]).map(tar)
    | anything().map(lambda value: tar(json.dumps(value).encode()))
)
@fuzz
def test_an_archive_is_read_or_refused(folder: Path, content: bytes) -> None:
    path = folder / "images.tar"
    path.write_bytes(content)
    try:
        tags = archive.contents(path)
    except ImageError as error:
        check_sentences(f"{error.tried} {error.happened}", naming=str(path))
        return
    assert all(isinstance(tag, str) for tag in tags)


# -- documents -------------------------------------------------------------------------------------

DOCUMENTS = [
    file.read_text(encoding="utf-8")[:4000]
    for file in sorted((Path(__file__).parents[2] / "lab" / "documents").glob("*/claims.toml"))
]


@given(spoilt(DOCUMENTS))
@fuzz
def test_a_document_is_read_or_refused(text: str) -> None:
    try:
        parse(text, "some.toml")
    except DocumentError as error:
        check_sentences(str(error).replace("\n", " "), naming="some.toml")


@pytest.mark.parametrize("text", ["x = " + "9" * 5000, "x = " + "[" * 5000])
def test_a_document_of_a_long_number_or_a_deep_list_is_refused(text: str) -> None:
    with pytest.raises(DocumentError, match=r"^some\.toml is not TOML"):
        parse(text, "some.toml")


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (b"{}", "by their tags"),
        (b'[{"RepoTags": [1]}]', "by their tags"),
        (b'[{"RepoTags": "a"}]', "by their tags"),
        (b"[1]", "by their tags"),
        (b"[" * 5000, "by their tags"),
        (b"[]", "it holds no image"),
    ],
)
def test_a_manifest_that_is_none(folder: Path, manifest: bytes, said: str) -> None:
    path = folder / "some.tar"
    path.write_bytes(tar(manifest))
    with pytest.raises(ImageError, match=said):
        archive.contents(path)


def test_an_archive_whose_manifest_is_too_large_or_missing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "some.tar"
    path.write_bytes(tar(MANIFEST + b" " * 60_000))
    assert archive.contents(path) == ("tls-lab/rocky9:0123",)
    monkeypatch.setattr(archive, "LARGEST_PART", 50_000)
    with pytest.raises(ImageError, match=r"manifest\.json is 60\d+ bytes"):
        archive.contents(path)
    monkeypatch.setattr(archive, "MOST_MEMBERS", 1)
    with pytest.raises(ImageError, match=r"no manifest\.json among the first 1 files"):
        archive.contents(path)
