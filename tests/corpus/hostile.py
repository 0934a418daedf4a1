"""Hostile and broken files, and a command that indexes a folder of them: `python tests/corpus/hostile.py`.

It prints what `qa index` says of each, the seconds it took and the most memory that its processes held together.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from pathlib import Path

GOOD = "The good file says that the harbour master is Astrid Vold.\n"
LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "haha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]>"
)
_CONTAINER = b'<container><rootfiles><rootfile full-path="b.opf"/></rootfiles></container>'


def _zip(members: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return held.getvalue()


def _encrypted_zip() -> bytes:
    """The flag of encryption in both headers; what follows cannot be read without a password."""
    content = bytearray(_zip({"secret.txt": b"secret"}))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def _twice() -> bytes:
    # Two names of equal length, one of them then overwritten: as no program writes, and any can.
    return _zip({"a1.txt": GOOD.encode(), "a2.txt": b"Another one."}).replace(b"a2.txt", b"a1.txt")


def _word(body: bytes, declaration: bytes = b"") -> bytes:
    import docx

    held = io.BytesIO()
    docx.Document().save(held)
    with zipfile.ZipFile(held) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["word/document.xml"] = (
        b'<?xml version="1.0"?>'
        + declaration
        + b'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        b"<w:body>" + body + b"</w:body></w:document>"
    )
    return _zip(members)


def _pdf(pages: bytes = b"<</Type/Pages/Kids[3 0 R]/Count 1>>", trailer: bytes = b"", more: bytes = b"") -> bytes:
    return (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj" + pages + b"endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R>>endobj\n"
        + more
        + b"trailer<</Root 1 0 R"
        + trailer
        + b">>\n%%EOF"
    )


def _encrypted_pdf() -> bytes:
    from reportlab.lib.pdfencrypt import StandardEncryption
    from reportlab.pdfgen.canvas import Canvas

    held = io.BytesIO()
    canvas = Canvas(held, encrypt=StandardEncryption("user", "owner"))
    canvas.drawString(72, 72, "secret")
    canvas.save()
    return held.getvalue()


def _flate_bomb() -> bytes:
    data = zlib.compress(b" " * 400_000_000, 9)
    return _pdf(more=b"4 0 obj<</Filter/FlateDecode/Length %d>>stream\n%s\nendstream endobj\n" % (len(data), data))


def _picture() -> bytes:
    stream = b"q 99 0 0 99 0 0 cm /I Do Q"
    return (
        b"%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R"
        b"/MediaBox[0 0 99 99]/Resources<</XObject<</I 5 0 R>>>>/Contents 4 0 R>>endobj\n4 0 obj<</Length %d>>stream\n%s\nendstream endobj\n"
        b"5 0 obj<</Type/XObject/Subtype/Image/Width 2000000000/Height 2000000000/ColorSpace/DeviceRGB/BitsPerComponent 8/Length 1>>stream\nx\nendstream "
        b"endobj\ntrailer<</Root 1 0 R>>\n%%%%EOF" % (len(stream), stream)
    )


def _mime(depth: int) -> bytes:
    content = b"Content-Type: text/plain\n\nwords\n"
    for number in range(depth):
        mark = b"b%d" % number
        content = b'Content-Type: multipart/mixed; boundary="%s"\n\n--%s\n%s\n--%s--\n' % (mark, mark, content, mark)
    return b"From: a@example.org\nSubject: deep\n" + content


def contents() -> dict[str, bytes]:
    """The hostile files that are bytes, by name. Each has to be refused with one message."""
    from corpus.all_files import FILES

    good: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as folder:
        for file in FILES:
            if file.name in ("report.pdf", "bylaws.docx", "harbour.pptx", "wells.xlsx", "voyage.epub", "folder.zip"):
                file.write(Path(folder) / file.name)
                good[file.name] = (Path(folder) / file.name).read_bytes()
    zeros = b"\0" * 90_000_000
    bomb = _zip({"bomb.txt": zeros})
    return {
        "bomb.zip": bomb,
        "bombs-within.zip": _zip({f"{number}.zip": bomb for number in range(9)}),
        "bomb.docx": _zip({"word/document.xml": zeros, "[Content_Types].xml": zeros}),
        "bomb.epub": _zip({"META-INF/container.xml": zeros}),
        "flate-bomb.pdf": _flate_bomb(),
        "laughs.docx": _word(b"<w:p><w:r><w:t>&j;</w:t></w:r></w:p>", LAUGHS.encode()),
        "laughs.epub": _zip({"META-INF/container.xml": LAUGHS.encode() + b"<container>&j;</container>"}),
        "laughs.xlsx": _zip({"[Content_Types].xml": LAUGHS.encode() + b"<Types>&j;</Types>"}),
        "outside.docx": _word(b"<w:p><w:r><w:t>&x;</w:t></w:r></w:p>", b'<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
        "outside.epub": _zip({"META-INF/container.xml": b'<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]><container>&x;</container>'}),
        **{f"cut{Path(name).suffix}": content[: len(content) // 2] for name, content in good.items() if not name.endswith(".pdf")},
        "cut.pdf": good["report.pdf"][:300],
        "empty.pdf": b"", "empty.docx": b"", "empty.zip": b"", "empty.txt": b"", "empty.eml": b"", "empty.html": b"",
        "encrypted.pdf": _encrypted_pdf(),
        "encrypted.zip": _encrypted_zip(),
        "encrypted.docx": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2000,
        "circle.pdf": _pdf(b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 2>>"),
        "million-pages.pdf": _pdf(b"<</Type/Pages/Kids[]/Count 100000000>>"),
        "huge-picture.pdf": _picture(),
        "deep.html": b"<div>" * 50_000 + b"deep words" + b"</div>" * 50_000,
        "deep.pdf": _pdf(b"[" * 500_000),
        "deep.eml": _mime(3000),
        "picture.txt": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 50,
        "program.pdf": b"\x7fELF" + bytes(range(256)) * 50,
        "words.docx": GOOD.encode(), "words.epub": GOOD.encode(), "words.xlsx": GOOD.encode(), "words.eml": GOOD.encode(),
        "leads-out.zip": _zip({"../../../etc/evil.txt": GOOD.encode()}),
        "no-names.zip": _zip({"a.bin": b"x"}),
        "damaged-utf8.txt": "Blåbær på fjellet".encode() * 9 + b"\xff\xfe\xff",
        "scripts-only.html": b"<html><script>alert(1)</script></html>",
    }  # fmt: skip


def tolerated() -> dict[str, bytes]:
    """Odd files whose text can be read, and has to be: by name."""
    return {
        "deep-brackets.txt": b"[" * 100_000 + b" json " + b"]" * 100_000,
        "twice.zip": _twice(),
        "ragged.csv": b'a,b\n1\n1,2,3,4\n"x"y,"\n',
        "wrong-suffix.html": b"Plain words that are no HTML at all.",
    }


def write_hostile(folder: Path, line_mb: int = 300) -> int:
    """Write the folder; how many hostile things are in it. Good files stand before, among and after them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("0-good.txt", "m-good.md", "zz-good.txt"):
        (folder / name).write_text(GOOD)
    made = {**contents(), **tolerated()}
    for name, content in made.items():
        (folder / name).write_bytes(content)
    with (folder / "one-line-300-mb.txt").open("wb") as file:
        for _ in range(line_mb):
            file.write(b"words and " * 104_858)
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "self.txt").symlink_to(folder / "self.txt")
    (folder / "nowhere.pdf").symlink_to(folder / "missing")
    (folder / "device.txt").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe.txt")
    (Path(os.fsencode(folder).decode("utf-8", "surrogateescape")) / os.fsdecode(b"caf\xe9.txt")).write_text(GOOD)
    return len(made) + 7


def _tree_mb(root: int) -> float:
    """Proportional memory of a process and all below it, in MB: pages that they share count once."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
    below, grew = {root}, True
    while grew:
        more = {child for child, parent in parents.items() if parent in below} - below
        below |= more
        grew = bool(more)
    total = 0
    for process in below:
        try:
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
    return total / 1024


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "files"
        count = write_hostile(folder)
        command = [
            sys.executable,
            "-c",
            "from api.cli.main import main; main()",
            "index",
            str(folder),
            "--store",
            f"{scratch}/store",
        ]
        begun = time.monotonic()
        process = subprocess.Popen(command)
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, _tree_mb(process.pid))
            time.sleep(0.05)
        said = f"{count} hostile files, exit code {process.returncode}, {time.monotonic() - begun:.0f} s, at most {peak:.0f} MB"
        sys.stdout.write(f"{said}\n")
        if process.returncode or peak > 1000:
            raise SystemExit(1)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    main()
