"""Plain text, Markdown and tables of values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from corpus.gold import Fact, File


def _encoded(text: str, encoding: str, mark: bytes = b"") -> Callable[[Path], None]:
    return lambda path: path.write_bytes(mark + text.encode(encoding)) and None


def _text(
    name: str, text: str, fact: Fact, encoding: str = "utf-8", mark: bytes = b"", language: str | None = None
) -> File:
    lines = tuple(line for line in text.replace("\r", "\n").split("\n") if line.strip())
    return File(name, _encoded(text, encoding, mark), (fact,), lines, language=language)


FRENCH = (
    "Le phare de Cordouan fut achevé en 1611.\nSon gardien, Étienne Lafôret, vivait à l’étage ; il coûtait 40 écus."
)
GERMAN = "Die Brücke über die Weiße Elster wurde 1898 eröffnet.\nIhr Ingenieur hieß Jürgen Größmann, er kam aus Köln."
POLISH = "Kościół w Łańcucie zbudowano w 1741 roku.\nJego budowniczym był Stanisław Żółkiewski z Gdańska."
RUSSIAN = "Мост через реку Волгу был построен в 1913 году.\nЕго главным инженером был Николай Богуславский."
JAPANESE = "この橋は1934年に完成しました。\n設計者は田中一郎です。長さは三百メートルです。"
CHINESE = "这座大桥于一九五七年建成通车。\n总工程师是茅以升，全长一千六百七十米。"
KOREAN = "이 다리는 1917년에 처음 만들어졌다.\n설계자는 김철수 기사이며 길이는 천 미터이다."
HEBREW = "הגשר נבנה בשנת 1928 על ידי המהנדס דוד כהן.\nאורכו שלוש מאות מטר והוא עובר מעל נהר הירדן."
GREEK = "Η γέφυρα άνοιξε το 1931 στην πόλη της Πάτρας.\nΟ μηχανικός της ήταν ο Γιώργος Παπαδόπουλος."
WRAPPED = (
    "The ferry between Holmvik and Sandnes was replaced by a tunnel, which the county\n"
    "council opened on 4 June 1992 after eleven years of work. It is 5,875 metres long\n"
    "and lies 233 metres below the sea at its deepest point.\n\n"
    "Tolls ended in 2006, four years earlier than the council had planned.\n"
)

TEXTS = [
    _text("ferry.txt", WRAPPED, Fact("How long is the tunnel?", "5,875 metres", line=2), language="en"),
    _text(
        "crlf.txt",
        "The mill stands by the river.\r\n\r\nIts wheel was cast in Derby in 1844.\r\n",
        Fact("Where was the wheel of the mill cast?", "Derby", line=3),
    ),
    _text(
        "old-mac.txt",
        "The kiln burned lime.\rIts chimney is 31 metres high.\r",
        Fact("How high is the kiln's chimney?", "31 metres", line=2),
    ),
    _text(
        "bom.txt",
        "The lighthouse keeper was Ingrid Moe.\n",
        Fact("Who kept the lighthouse?", "Ingrid Moe", line=1),
        mark=b"\xef\xbb\xbf",
    ),
    _text(
        "emoji.txt",
        "🚲🚲 The bicycle shop 🛠️ in Utrecht sold 412 bicycles 👍🏽 in May.\n",
        Fact("How many bicycles did the shop sell in May?", "412", line=1),
    ),
    _text(
        "utf16-le.txt",
        "The observatory saw comet Halvorsen first.\n",
        Fact("Which comet did the observatory see first?", "Halvorsen", line=1),
        "utf-16-le",
        b"\xff\xfe",
    ),
    _text(
        "utf16-be.txt",
        "The archive burned on 9 March 1871.\n",
        Fact("When did the archive burn?", "9 March 1871", line=1),
        "utf-16-be",
        b"\xfe\xff",
    ),
    _text(
        "utf16-unmarked.txt",
        "The quarry gave blue slate until 1960.\n",
        Fact("Until when did the quarry give slate?", "1960", line=1),
        "utf-16-le",
    ),
    _text(
        "utf32.txt",
        "The canal has 29 locks.\n",
        Fact("How many locks does the canal have?", "29", line=1),
        "utf-32-le",
        b"\xff\xfe\x00\x00",
    ),
    _text("windows-1252.txt", FRENCH, Fact("Quand fut achevé le phare ?", "1611", line=1), "cp1252", language="fr"),
    _text("latin-1.txt", GERMAN, Fact("Wer war der Ingenieur?", "Jürgen Größmann", line=2), "latin-1", language="de"),
    _text(
        "windows-1250.txt",
        POLISH,
        Fact("Kto był budowniczym?", "Stanisław Żółkiewski", line=2),
        "cp1250",
        language="pl",
    ),
    _text(
        "windows-1251.txt", RUSSIAN, Fact("Кто был инженером?", "Николай Богуславский", line=2), "cp1251", language="ru"
    ),
    _text("koi8-r.txt", RUSSIAN, Fact("Когда построен мост?", "1913", line=1), "koi8-r"),
    _text("shift-jis.txt", JAPANESE, Fact("設計者は誰ですか？", "田中一郎", line=2), "shift_jis", language="ja"),
    _text("euc-jp.txt", JAPANESE, Fact("いつ完成しましたか？", "1934年", line=1), "euc_jp"),
    _text("iso-2022-jp.txt", JAPANESE, Fact("長さは？", "三百メートル", line=2), "iso2022_jp"),
    _text("gb18030.txt", CHINESE, Fact("总工程师是谁？", "茅以升", line=2), "gb18030", language="zh"),
    _text("euc-kr.txt", KOREAN, Fact("설계자는 누구인가?", "김철수", line=2), "euc_kr", language="ko"),
    _text("windows-1253.txt", GREEK, Fact("Ποιος ήταν ο μηχανικός;", "Γιώργος Παπαδόπουλος", line=2), "cp1253"),
    _text("windows-1255.txt", HEBREW, Fact("מי בנה את הגשר?", "דוד כהן", line=1), "cp1255", language="he"),
    _text("hebrew.txt", HEBREW, Fact("מתי נבנה הגשר?", "1928", line=1), language="he"),
    _text(
        "one-long-line.txt",
        "Filler words stand here. " * 4000 + "The vault holds 77 deeds. " + "More words. " * 4000,
        Fact("How many deeds does the vault hold?", "77 deeds", line=1),
    ),
]

HANDBOOK = """---
title: Workshop Handbook
author: Marit Solheim
date: 2021-03
lang: en
---
# Safety

Wear goggles.

## Lathe

- Check the chuck
  - Tighten it to 40 newton metres
- Stop before measuring

```sh
# Not a heading
run --fast
```

### Coolant

Change the coolant every 300 hours. 🧪
"""
TARIFF = "# Tariffs\r\n\r\n## Harbour\r\n\r\n| Ship | Fee | Note |\r\n|:-----|----:|---|\r\n| Sloop | 120 kroner | |\r\n| Brig | 340 kroner | by day |\r\n\r\nFees rise in winter.\r\n"
MINUTES = "Minutes of the board\n\nPresent: A. Dahl, B. Eide.\n\n# Budget\n\nThe board granted 52,000 euros for the roof.\n\n# Repairs #\n\n1. The gate is mended by Nils Aune.\n2. The pump stays.\n"
MARKDOWN = [
    File(
        "handbook.md",
        _encoded(HANDBOOK, "utf-8"),
        (
            Fact(
                "How often is the coolant changed?", "every 300 hours", headings=("Safety", "Lathe", "Coolant"), line=24
            ),
            Fact("How tight is the chuck?", "40 newton metres", headings=("Safety", "Lathe"), line=14),
        ),
        ("Wear goggles.", "Check the chuck", "# Not a heading", "🧪"),
        title="Workshop Handbook",
        author="Marit Solheim",
        date="2021-03",
        language="en",
    ),
    File(
        "tariff.markdown",
        _encoded(TARIFF, "utf-8"),
        (
            Fact("What is the fee for a brig?", "340 kroner", headings=("Tariffs", "Harbour"), row=3, line=8),
            Fact("What does a sloop pay?", "120 kroner", headings=("Tariffs", "Harbour"), row=2, line=7),
        ),
        ("Sloop", "Fees rise in winter."),
        title="Tariffs",
    ),
    File(
        "minutes.md",
        _encoded(MINUTES, "utf-8", b"\xef\xbb\xbf"),
        (
            Fact("How much was granted for the roof?", "52,000 euros", headings=("Budget",), line=7),
            Fact("Who mends the gate?", "Nils Aune", headings=("Repairs",), line=11),
            Fact("Who was present at the board's meeting?", "A. Dahl, B. Eide", headings=(), line=3),
        ),
        ("Minutes of the board", "The pump stays."),
        title="Budget",
    ),
    File(
        "plain.md",
        _encoded("Only a paragraph about the orchard, which has 61 pear trees.\n", "utf-8"),
        (Fact("How many pear trees has the orchard?", "61", line=1),),
    ),
    File(
        "latin.md",
        _encoded("# Église\n\nLa crypte de l’église date de 1130.\n", "cp1252"),
        (Fact("De quand date la crypte ?", "1130", headings=("Église",), line=3),),
        title="Église",
    ),
]

CITIES = "City,Country,Inhabitants,Mayor\r\nArendal,Norway,45509,Robert Nordli\r\nPori,Finland,83205,\r\nKalmar,Sweden,71328,Johan Persson\r\n"
NOTES = 'Item;Price;Remark\nLamp;19,90 €;"Bulb not\nincluded; order it"\nChair;49,00 €;Oak\n\n"Desk ""Nora""";129,00 €;Pine\n'
TABLES = [
    File(
        "cities.csv",
        _encoded(CITIES, "utf-8"),
        (
            Fact("Who is the mayor of Kalmar?", "Johan Persson", row=4, line=4),
            Fact("How many inhabitants does Pori have?", "83205", row=3, line=3),
            Fact("Who is mayor of Arendal?", "Robert Nordli", row=2, line=2),
        ),
        ("City,Country,Inhabitants,Mayor", "Pori,Finland,83205,"),
    ),
    File(
        "prices.csv",
        _encoded(NOTES, "cp1252"),
        (
            Fact("What is not included with the lamp?", "Bulb", row=2, line=2),
            Fact("What does the chair cost?", "49,00 €", row=3, line=4),
            Fact("What does the desk cost?", "129,00 €", row=5, line=6),
        ),
        ("order it", "Oak", "Pine"),
    ),
    File(
        "stations.tsv",
        _encoded("Station\tOpened\tLine\nVika\t1903\tRed\nHaugen\t\tGreen\nLunde\t1921\tBlue\n", "utf-8"),
        (
            Fact("When did Lunde station open?", "1921", row=4, line=4),
            Fact("Which line is Haugen station on?", "Green", row=3, line=3),
        ),
    ),
    File(
        "bars.csv",
        _encoded("name|boat|length\nSolveig|Havørn|14 m\nTor|Terne|9 m\n", "utf-8"),
        (Fact("Which boat does Tor have?", "Terne", row=3, line=3),),
    ),
    File(
        "no-names.csv",
        _encoded("1,1844,Derby\n2,1851,Leeds\n3,1877,Hull\n", "utf-8"),
        (Fact("What stands beside 1851?", "Leeds", row=2, line=2),),
    ),
    File(
        "utf16.csv",
        _encoded("Peak,Height\nStorhaug,1 204 m\n", "utf-16-le", b"\xff\xfe"),
        (Fact("How high is Storhaug?", "1 204 m", row=2, line=2),),
    ),
    File(
        "open-quote.csv",
        _encoded('Tool,Size\n"Saw,12 inches\nAxe,3 pounds\n', "utf-8"),
        (Fact("How heavy is the axe?", "3 pounds", row=3, line=3),),
    ),
]
