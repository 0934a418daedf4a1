"""Messages: every part that is shown, of alternatives the one that says more, invitations, and what is left unread."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

import pytest

from index.documents import Document
from index.loading.reading import parse

HTML = "<html><body><p>The new manager is <b>Tomas Eklund</b>, who begins on 4 March.</p></body></html>"
CALENDAR = (
    "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Review of the\\, harbour\r\n"
    "DTSTART;TZID=Europe/Oslo:20240305T100000\r\nDTEND:20240305T113000Z\r\nLOCATION:Room 4\\, Dock\r\n  House\r\n"
    "BEGIN:VALARM\r\nDESCRIPTION:Alarm\r\nEND:VALARM\r\n"
    "END:VEVENT\r\nEND:VCALENDAR\r\n"
)


def message(*, subject: str = "News") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "Nora Field <nora@example.org>", "team@example.org", subject
    return made


def loaded(made: EmailMessage | bytes) -> Document:
    content = made if isinstance(made, bytes) else made.as_bytes()
    document = parse(Path("mail.eml"), content).document
    assert document is not None
    return document


def body(made: EmailMessage | bytes) -> str:
    return loaded(made).text.partition("\n\n")[2]


@pytest.mark.parametrize(
    "plain",
    [
        "Your mail program cannot show HTML messages.",
        "To view this message in your browser, open the link below. https://example.org/a/b/c",
        "\n \n",
        "[image: logo]",
    ],
)
def test_a_stub_gives_way_to_what_it_stands_for(plain: str) -> None:
    made = message()
    made.set_content(plain)
    made.add_alternative(HTML, subtype="html")
    assert body(made) == "The new manager is Tomas Eklund, who begins on 4 March."


def test_of_two_versions_that_say_the_same_the_plain_one_is_read() -> None:
    made = message()
    made.set_content("The new manager is Tomas Eklund,\nwho begins on 4 March.\n")
    made.add_alternative(HTML, subtype="html")
    assert body(made) == "The new manager is Tomas Eklund,\nwho begins on 4 March."


def test_every_part_that_is_shown_is_read_in_its_order() -> None:
    made = message()
    made.set_content("First part.")
    made.make_mixed()
    for words, subtype in (("<p>Second part.</p>", "html"), ("Third part.", "plain")):
        part = EmailMessage()
        part.set_content(words, subtype=subtype, disposition="inline")
        made.attach(part)
    assert body(made) == "First part.\n\nSecond part.\n\nThird part."


def test_an_invitation_says_what_when_and_where_once() -> None:
    made = message()
    made.set_content("Please come.")
    made.add_alternative(CALENDAR, subtype="calendar")
    made.add_attachment(CALENDAR.encode(), maintype="application", subtype="ics", filename="invite.ics")
    assert body(made) == (
        "Please come.\n\nEvent: Review of the, harbour\nBegins: 2024-03-05 10:00 Europe/Oslo\n"
        "Ends: 2024-03-05 11:30 UTC\nPlace: Room 4, Dock House"
    )


def test_attachments_that_are_not_read_are_named() -> None:
    made = message()
    made.set_content("See the files.")
    made.add_attachment(b"\x00", maintype="application", subtype="octet-stream", filename="tool.exe")
    made.add_attachment(b"PK", maintype="application", subtype="zip", filename="all.zip")
    made.add_attachment(b"words", maintype="text", subtype="plain", filename="notes.txt")
    read = parse(Path("mail.eml"), made.as_bytes())
    assert read.document is not None
    assert [part.part for part in read.document.unread] == ["attachment tool.exe", "attachment all.zip"]
    assert read.parts == ("notes.txt",)


@pytest.mark.parametrize("label", ["iso-8859-1", "us-ascii", "windows-1252"])
def test_declared_encodings_are_those_of_browsers(label: str) -> None:
    content = (
        f"From: a@example.org\r\nSubject: x\r\nContent-Type: text/plain; charset={label}\r\n\r\nIt’s € 5 – café.\r\n"
    )
    assert body(content.encode("cp1252")) == "It’s € 5 – café."


def test_a_part_that_cannot_be_decoded_costs_itself_only() -> None:
    content = (
        b"From: a@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGood words.\r\n"
        b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\xc3\xa9\xc3\xa9\xc3\xa9 \xff\x00\x01\r\n--b--\r\n"
    )
    document = loaded(content)
    assert document.text.endswith("Good words.") and [part.part for part in document.unread] == ["part text/plain"]
