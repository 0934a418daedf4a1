"""Loaders and the search for files: what is read is exactly what is there, what cannot be read is said."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import InputError
from index.loading.files import MAX_FILE_BYTES, decode_text, document_from_bytes, find_files, load_file

TEXT = "Née\r\nAda \u2028😀\rB\n\n"


def write(path: Path, content: bytes | str = "words") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (b"\xef\xbb\xbf", "utf-8"),
        (b"\xff\xfe", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be"),
        (b"\xff\xfe\x00\x00", "utf-32-le"),
        (b"\x00\x00\xfe\xff", "utf-32-be"),
    ],
)
def test_the_text_is_the_files_without_its_mark(tmp_path: Path, mark: bytes, encoding: str) -> None:
    content = mark + TEXT.encode(encoding)
    path = write(tmp_path / "a.TXT", content)
    document = load_file(path)
    assert document.text == TEXT
    assert document.source_sha256 == hashlib.sha256(content).hexdigest()
    assert document.sha256 == hashlib.sha256(TEXT.encode()).hexdigest()
    assert (document.uri, document.title, document.own_title) == (path.as_uri(), "a.TXT", False)
    assert document.media_type == "text/plain"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00\ufeff")))
def test_any_text_comes_back_as_it_was(text: str) -> None:
    if text.strip():
        assert decode_text(Path("a.txt"), text.encode()) == text
        assert decode_text(Path("a.txt"), b"\xff\xfe" + text.encode("utf-16-le")) == text


def test_only_a_leading_mark_is_dropped(tmp_path: Path) -> None:
    assert load_file(write(tmp_path / "a.txt", "\ufeffa\ufeffb")).text == "a\ufeffb"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x89PNG\r\n\x1a\n\xff", "not UTF-8 text"),
        ("Zażółć gęślą jaźń, żółw. ".encode() + b"caf\xe9", "not UTF-8 text (byte 40)"),
        (b"\xef\xbb\xbfcaf\xe9", "not UTF-8 text (byte 6)"),
        (b"\xff\xfea", "not UTF-16-LE text (byte 2)"),
        (b"\xff\xfe\x00\xd8a\x00", "not UTF-16-LE"),
        (b"\xed\xa0\x80", "not UTF-8"),
        (b"a\x00b", "NUL"),
        (b"a\x00b\x00", "NUL"),
        (b"", "no text"),
        (b" \r\n\t", "no text"),
        (b"\xef\xbb\xbf", "no text"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = write(tmp_path / "a.txt", content)
    with pytest.raises(InputError) as raised:
        load_file(path)
    assert str(raised.value).startswith(f"{path}: ")
    assert reason in str(raised.value)


@pytest.mark.parametrize("name", ["a.exe", "a", "a.txt.gz", ".txt"])
def test_other_kinds_are_refused_and_the_known_ones_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"no loader for .*\.md.*\.txt"):
        load_file(write(tmp_path / name))


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.txt").mkdir()
    os.mkfifo(tmp_path / "pipe.txt")
    for name in ("folder.txt", "pipe.txt", "missing.txt"):
        with pytest.raises(InputError, match="not a regular file"):
            load_file(tmp_path / name)


def test_a_file_too_large_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(InputError, match="larger than 100 MB"):
        load_file(path)


@pytest.mark.parametrize(
    ("text", "title", "own"),
    [
        ("# The Title\n\nWords.", "The Title", True),
        ("Words.\r\n\r\n## Later ##\r\n", "Later", True),
        ("# Lone\rWords.", "Lone", True),
        ("\ufeff# Marked", "Marked", True),
        ("```\n# comment\n```\n# Real\n", "Real", True),
        ("No heading, #tag.", "a.md", False),
        ("    # code", "a.md", False),
    ],
)
def test_a_markdown_title_is_the_first_heading(tmp_path: Path, text: str, title: str, own: bool) -> None:
    document = load_file(write(tmp_path / "a.md", text))
    assert (document.title, document.own_title) == (title, own)
    assert document.text == text.removeprefix("\ufeff")
    assert document.media_type == "text/markdown"


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Storm closes the harbour\n\nIt rained.", "Storm closes the harbour"),
        ("\ufeff\r\n  Minutes of May \r\n \r\nPresent: Ada", "Minutes of May"),
        ("Who pays?\n\nBoats do.", "Who pays?"),
        ("Storm closes the harbour", None),
        ("Storm closes the harbour\nIt rained.\n\nMore.", None),
        ("Dear Ada,\n\nit rained.", None),
        ("It rained.\n\nIt snowed.", None),
        ("Items:\n\n- one", None),
        ("- one\n\n- two", None),
        ("\u201cNo dues\u201d, says master\n\nIt rained", "\u201cNo dues\u201d, says master"),
        ("12 / 05\n\nIt rained", None),
        ("word " * 40 + "\n\nIt rained", None),
        ("x" * 900, None),
    ],
)
def test_a_text_s_title_is_a_first_line_by_itself(tmp_path: Path, text: str, title: str | None) -> None:
    document = load_file(write(tmp_path / "notes.txt", text))
    assert (document.title, document.own_title) == (title or "notes.txt", title is not None)


def test_a_file_name_that_is_no_text(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt"))
    document = load_file(write(path, "Words."))
    assert document.title == "caf?.txt"
    assert document.uri.endswith("/caf%E9.txt")


def test_bytes_that_are_no_file_of_ours() -> None:
    document = document_from_bytes("../../etc/a.md", b"# T\r\n", uri="upload:1")
    assert (document.uri, document.title, document.text) == ("upload:1", "T", "# T\r\n")
    assert document.id == document_from_bytes("b.txt", b"other", uri="upload:1").id
    for name in ("a.exe", "", "md"):
        if name:
            with pytest.raises(InputError, match="no loader"):
                document_from_bytes(name, b"x", uri="u")
        else:
            assert document_from_bytes(name, b"x", uri="u").media_type == "text/plain"


def test_a_folder_is_walked(tmp_path: Path) -> None:
    wanted = [write(tmp_path / name) for name in ("b.txt", "a/z.md", "a/deep/er/y.markdown", "c.TEXT")]
    for name in (".hidden.txt", ".git/config.txt", "a/.cache/x.txt"):
        write(tmp_path / name)
    write(tmp_path / "image.png")
    write(tmp_path / "a" / "noext")
    (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self.txt").symlink_to(tmp_path / "self.txt")
    (tmp_path / "dangling.txt").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.txt")
    found = find_files([tmp_path])
    assert set(found.files) == set(wanted)
    assert found.passed_over == 2
    assert found == find_files([tmp_path]), "the order is stable"


def test_a_file_is_found_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a" / "b.txt")
    (tmp_path / "a" / "link.txt").symlink_to(path)
    monkeypatch.chdir(tmp_path)
    assert find_files([path, Path("a/b.txt"), tmp_path / "a" / ".." / "a" / "b.txt", tmp_path, path]).files == (path,)


def test_a_named_file_is_taken_whatever_it_is(tmp_path: Path) -> None:
    hidden, other = write(tmp_path / ".h.txt"), write(tmp_path / "x.pdf")
    assert find_files([hidden, other]).files == (hidden, other)


@pytest.mark.parametrize("name", ["missing", "missing.txt", "loop"])
def test_a_named_path_that_is_not_there_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(InputError, match="no such file or folder"):
        find_files([write(tmp_path / "a.txt"), tmp_path / name])


def test_an_unreadable_folder_does_not_hide_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = write(tmp_path / "z.txt")
    locked = write(tmp_path / "locked" / "a.txt").parent
    listed = Path.iterdir

    # Patched, not chmod: root may read everything.
    def iterdir(self: Path) -> object:
        if self == locked:
            raise PermissionError(13, "Permission denied", str(self))
        return listed(self)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    found = find_files([tmp_path])
    assert found.files == (kept,)
    assert found.unreadable == ((locked, f"{locked}: cannot be read (Permission denied)"),)
