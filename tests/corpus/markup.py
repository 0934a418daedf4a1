"""Web pages, e-books and messages."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

from corpus.gold import Fact, File
from corpus.pages import PDFS
from corpus.texts import CITIES, HANDBOOK

ARTICLE = """<!DOCTYPE html><html lang="en-GB"><head><meta charset="utf-8"><title>The herring years - Coast Times</title>
<meta name="author" content="Liv Torsvik"><meta property="article:published_time" content="2018-09-12T08:30:00+02:00">
<script>var tracking = "do not index";</script><style>p { color: red }</style></head><body>
<header><div class="logo">Coast Times</div><nav><ul><li><a href="/">Home</a></li><li><a href="/sport">Sport pages</a></li></ul></nav></header>
<div class="cookie-banner">We use cookies. Accept all.</div>
<main><article><h1>The herring years</h1>
<p>In 1956 the fleet landed 1.15&nbsp;million tonnes of herring&mdash;more than ever before. The price fell to 11&nbsp;&oslash;re
a kilo, &ldquo;less than the salt&rdquo;, as skipper Arne R&oslash;svik put it.</p>
<p hidden>Hidden words.</p>
<h2>The end</h2><p>By 1968 the shoals were gone. The <i>Nord</i><b>lys</b> was the last boat to give up, on 3&nbsp;March 1970.</p>
<figure><img src="x.jpg" alt="boats"><figcaption>Boats at Fosnav&aring;g, photographed by Inga Bjerk.</figcaption></figure>
<h3>What remained</h3><ul><li>Nine factories<ul><li>two of them in use</li></ul></li><li>A museum</li></ul>
</article></main><aside class="sidebar"><h3>Related stories</h3><a href="/x">Ten best beaches</a></aside>
<div class="ads">Buy boots cheaply now!</div><footer>Copyright Coast Times. All rights reserved.</footer></body></html>"""

RESULTS = """<html><head><title>Results</title></head><body><h1>Regatta results</h1><p>The wind was weak.</p>
<table><caption>Class A, <b>final</b></caption><thead><tr><th>Boat</th><th>Helm</th><th>Time</th></tr></thead>
<tbody><tr><td>Ternen</td><td>Silje Aas</td><td>1:02:11</td></tr><tr><td>Lom</td><td></td><td>1:04:50</td></tr></tbody></table>
<h2>Class B</h2><table><tr><td>Skarv</td><td>Even Moen</td><td>0:58:03</td></tr><tr><td>Teist</td><td>Siv Lie</td><td>0:59:59</td></tr></table>
</body></html>"""

LAYOUT = """<table width=100% border=0><tr><td><a href=1>Start</a></td><td><h1>Old page</h1>Welcome to the page of the <b>chess club</b>.
<p>We meet on Thursdays in the old school.<br>Bring a board<p>Our chairman is Finn Waage.<table border=1><tr><th>Name<th>Rating<tr><td>Waage<td>1811<tr><td>Berg<td>1790</table></table>"""

LINKED = """<html><head><title>Owl census</title><script type="application/ld+json">{"@context": "https://schema.org",
"@graph": [{"@type": "WebPage"}, {"@type": "Article", "datePublished": "2020-11-05", "author": [{"name": "Ola Krog"}]}]}</script>
</head><body><article><h1>Owl census</h1><p>Volunteers counted 312 eagle owls along the coast.</p><dl><dt>Ringed</dt><dd>forty-one owls</dd></dl>
<pre>site   owls
Runde    57</pre></article></body></html>"""

ARABIC = """<!DOCTYPE html><html lang="ar" dir="rtl"><head><meta charset="utf-8"><title>الجسر</title></head><body><h1>الجسر القديم</h1>
<p>بني الجسر في عام 1894 على يد المهندس سالم حداد، وطوله مئتا متر.</p></body></html>"""

SOFT = """<html><head><title>Donau</title></head><body><p>Der Donau&shy;dampf&shy;schiff&shy;kapit&auml;n hei&szlig;t Franz&nbsp;Huber.</p></body></html>"""
PLAIN = "<p>The well is 38 m deep.<p>It was dug by Gunnar &amp; Sons<sup>2</sup> &lt;before the war&gt;."


def _bytes(content: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(content) and None


PAGES = [
    File(
        "herring.html",
        _bytes(ARTICLE.encode()),
        (
            Fact("Which boat was the last to give up?", "Nordlys", headings=("The herring years", "The end")),
            Fact("What did a kilo of herring cost?", "11 øre", headings=("The herring years",)),
            Fact("Who photographed the boats?", "Inga Bjerk", headings=("The herring years", "The end")),
            Fact(
                "How many factories remained?",
                "Nine factories",
                headings=("The herring years", "The end", "What remained"),
            ),
        ),
        ("The herring years", "“less than the salt”", "The end", "3 March 1970", "two of them in use", "A museum"),
        ("Hidden words", "Buy boots", "tracking", "Sport pages", "cookies", "Ten best", "rights reserved", "color"),
        title="The herring years",
        author="Liv Torsvik",
        date="2018-09-12T08:30:00+02:00",
        language="en-GB",
    ),
    File(
        "results.htm",
        _bytes(RESULTS.encode()),
        (
            Fact("Who was the helm of Ternen?", "Silje Aas", headings=("Regatta results",), row=2),
            Fact("What was the time of Lom?", "1:04:50", headings=("Regatta results",), row=3),
            Fact("Who sailed Skarv?", "Even Moen", headings=("Regatta results", "Class B"), row=1),
        ),
        ("The wind was weak.", "Class A, final", "Boat\tHelm\tTime", "Lom\t\t1:04:50", "Class B"),
    ),
    File(
        "layout.html",
        _bytes(LAYOUT.encode()),
        (
            Fact("Who is the chairman of the chess club?", "Finn Waage", headings=("Old page",)),
            Fact("What is Berg's rating?", "1790", headings=("Old page",), row=3),
        ),
        ("Old page", "Welcome to the page of the chess club.", "We meet on Thursdays", "Bring a board"),
    ),
    File(
        "owls.html",
        _bytes(LINKED.encode()),
        (
            Fact("How many eagle owls were counted?", "312", headings=("Owl census",)),
            Fact("How many were ringed?", "forty-one owls", headings=("Owl census",)),
        ),
        ("Owl census", "Runde 57"),
        ("schema.org",),
        author="Ola Krog",
        date="2020-11-05",
    ),
    File(
        "arabic.html",
        _bytes(ARABIC.encode()),
        (Fact("من بنى الجسر؟", "سالم حداد", headings=("الجسر القديم",)),),
        language="ar",
    ),
    File(
        "windows.html",
        _bytes(
            '<html><head><meta http-equiv="Content-Type" content="text/html; charset=windows-1252"><title>Ciné</title>'
            "</head><body><p>Le cinéma “Étoile” compte 640 fauteuils – il a fermé.</p></body></html>".encode("cp1252")
        ),
        (Fact("Combien de fauteuils ?", "640"),),
        ("Le cinéma “Étoile” compte",),
    ),
    File(
        "wrongly-declared.html",
        _bytes(
            '<html><head><meta charset="iso-8859-1"></head><body><p>Müller verkaufte 15 Öfen.</p></body></html>'.encode()
        ),
        (Fact("Wie viele Öfen?", "15 Öfen"),),
        ("Müller verkaufte",),
    ),
    File(
        "soft.html",
        _bytes(SOFT.encode()),
        (Fact("Wie heißt der Donaudampfschiffkapitän?", "Franz Huber"),),
        ("Donaudampfschiffkapitän",),
    ),
    File(
        "fragment.html",
        _bytes(PLAIN.encode()),
        (Fact("How deep is the well?", "38 m"),),
        ("Gunnar & Sons <before the war>", "[2]"),
    ),
    File(
        "page.xhtml",
        _bytes(
            b'<?xml version="1.0" encoding="iso-8859-1"?><html xmlns="http://www.w3.org/1999/xhtml" xml:lang="sv"><head><title>Sj\xf6</title></head>'
            b"<body><h1>Sj\xf6n</h1><p>Sj\xf6n \xe4r 56 meter djup.</p></body></html>"
        ),
        (Fact("Hur djup är sjön?", "56 meter", headings=("Sjön",)),),
        language="sv",
    ),
]


def _epub(chapters: dict[str, str], order: list[str], title: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        items = "".join(
            f'<item id="{name}" href="text/{name}.xhtml" media-type="application/xhtml+xml"/>' for name in chapters
        )
        spine = "".join(f'<itemref idref="{name}"/>' for name in order)
        package = f"""<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:title>{title}</dc:title><dc:creator>Sunniva Lie</dc:creator><dc:date>1998-05</dc:date><dc:language>en</dc:language></metadata>
<manifest>{items}<item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/></manifest><spine>{spine}</spine></package>"""
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("mimetype", "application/epub+zip")
            archive.writestr(
                "META-INF/container.xml",
                '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
                '<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>',
            )
            archive.writestr("OEBPS/book.opf", package)
            archive.writestr("OEBPS/nav.xhtml", "<html><body><nav>Contents of the book</nav></body></html>")
            for name, body in chapters.items():
                archive.writestr(
                    f"OEBPS/text/{name}.xhtml",
                    f'<html xmlns="http://www.w3.org/1999/xhtml"><head><title>{name}</title></head><body>{body}</body></html>',
                )

    return write


BOOKS = [
    File(
        "voyage.epub",
        _epub(
            {
                "a": "<h1>The Return</h1><p>They reached Trondheim on 14 October.</p>",
                "b": "<h1>The Voyage</h1><h2>Provisions</h2><p>The ship carried 60 barrels of water.</p><h2>Crew</h2><p>The cook was Mads Brun.</p>",
            },
            ["b", "a"],
            "A Voyage North",
        ),
        (
            Fact("How many barrels of water did the ship carry?", "60", headings=("The Voyage", "Provisions")),
            Fact("When did they reach Trondheim?", "14 October", headings=("The Return",)),
            Fact("Who was the cook?", "Mads Brun", headings=("The Voyage", "Crew")),
        ),
        ("The Voyage", "60 barrels", "Mads Brun", "The Return"),
        ("Contents of the book",),
        title="A Voyage North",
        author="Sunniva Lie",
        date="1998-05",
        language="en",
    ),
    File(
        "recipes.epub",
        _epub(
            {
                "one": "<h1>Breads</h1><table><tr><th>Flour</th><th>Minutes</th></tr><tr><td>Rye</td><td>75</td></tr><tr><td>Oat</td><td>50</td></tr></table>"
                "<blockquote><p>Bread needs time, said Aunt Berit.</p></blockquote>",
            },
            ["one"],
            "Recipes",
        ),
        (
            Fact("How many minutes does rye bake?", "75", headings=("Breads",), row=2),
            Fact("Who said that bread needs time?", "Aunt Berit", headings=("Breads",)),
        ),
    ),
]


def _mail(subject: str, **headers: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = headers.get("sender", "Kari Bø <kari@example.org>")
    message["To"] = "board@example.org"
    message["Date"] = "Tue, 07 Jun 2022 09:15:00 +0200"
    message["Subject"] = subject
    return message


def _plain_mail(path: Path) -> None:
    message = _mail("Blåbær – the order")
    message.set_content(
        "Dear all,\n\nwe ordered 240 bushes from Ås nursery.\n\n> Did you order?\n\nKari",
        charset="iso-8859-1",
        cte="quoted-printable",
    )
    path.write_bytes(message.as_bytes())


def _alternative_mail(path: Path) -> None:
    message = _mail("Plan")
    message.set_content("The plan is due on 30 June.")
    message.add_alternative("<p>The plan is due on <b>30 June</b>.</p>", subtype="html")
    path.write_bytes(message.as_bytes())


def _html_mail(path: Path) -> None:
    message = _mail("Offer")
    message.set_content(
        "<h1>Offer</h1><p>The boiler costs 88,000 kroner.</p><table><tr><th>Part</th><th>Weeks</th></tr><tr><td>Pump</td><td>six</td></tr></table>",
        subtype="html",
    )
    path.write_bytes(message.as_bytes())


def _mail_with_files(path: Path) -> None:
    message = _mail("Minutes attached", sender="Per Øye <per@example.org>")
    message.set_content("See the report and the list. The meeting is in room 4.")
    report = path.with_name("attached.tmp")
    PDFS[0].write(report)
    message.add_attachment(report.read_bytes(), maintype="application", subtype="pdf", filename="årsrapport.pdf")
    report.unlink()
    message.add_attachment(CITIES.encode(), maintype="text", subtype="csv", filename="cities.csv")
    message.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="logo.png")
    path.write_bytes(message.as_bytes())


def _forwarded(path: Path) -> None:
    inner = _mail("Old question")
    inner.set_content("The anchor weighs 900 kilos.")
    message = _mail("Fwd: Old question")
    message.set_content("See below.")
    message.add_attachment(inner)
    path.write_bytes(message.as_bytes())


MAILS = [
    File(
        "order.eml",
        _plain_mail,
        (Fact("How many bushes were ordered?", "240"), Fact("Which nursery sold them?", "Ås nursery")),
        ("From: Kari Bø", "Subject: Blåbær – the order", "Dear all,"),
        title="Blåbær – the order",
        author="Kari Bø <kari@example.org>",
        date="2022-06-07T09:15:00+02:00",
    ),
    File("plan.eml", _alternative_mail, (Fact("When is the plan due?", "30 June"),), ("Subject: Plan",), ("<b>",)),
    File(
        "offer.eml",
        _html_mail,
        (
            Fact("What does the boiler cost?", "88,000 kroner", headings=("Offer",)),
            Fact("How many weeks for the pump?", "six", headings=("Offer",), row=2),
        ),
    ),
    File(
        "files.eml",
        _mail_with_files,
        (
            Fact("In which room is the meeting?", "room 4"),
            Fact("Where was the library moved to?", "Storgata 14", page=2, member="årsrapport.pdf"),
            Fact("Who is the mayor of Kalmar?", "Johan Persson", row=4, member="cities.csv"),
        ),
    ),
    File("forwarded.eml", _forwarded, (Fact("What does the anchor weigh?", "900 kilos", member="message 1.eml"),)),
]


def _archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("handbook.md", HANDBOOK)
        archive.writestr("lists/cities.csv", CITIES)
        archive.writestr(
            "sider/sjø og fjell.html", "<html><body><h1>Fjell</h1><p>Toppen er 1311 meter.</p></body></html>"
        )
        archive.writestr("picture.png", b"\x89PNG")
        archive.writestr("__MACOSX/._handbook.md", b"\x00\x05")
        report = path.with_name("in-archive.tmp")
        PDFS[1].write(report)
        archive.write(report, "papers/dam.pdf")
        report.unlink()
        _mail_with_files(path.with_name("mail.tmp"))
        archive.write(path.with_name("mail.tmp"), "mails/minutes.eml")
        path.with_name("mail.tmp").unlink()


ARCHIVES = [
    File(
        "folder.zip",
        _archive,
        (
            Fact(
                "How often is the coolant changed?",
                "every 300 hours",
                headings=("Safety", "Lathe", "Coolant"),
                member="handbook.md",
            ),
            Fact("Who is mayor of Arendal?", "Robert Nordli", row=2, member="lists/cities.csv"),
            Fact("Hvor høy er toppen?", "1311 meter", headings=("Fjell",), member="sider/sjø og fjell.html"),
            Fact("Who was the first engineer of the dam?", "Sigurd Bakken", page=1, member="papers/dam.pdf"),
            Fact("In which room is the meeting?", "room 4", member="mails/minutes.eml"),
            Fact("Where was the library moved to?", "Storgata 14", page=2, member="mails/minutes.eml!/årsrapport.pdf"),
        ),
    ),
]
