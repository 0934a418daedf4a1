"""The web page in a real browser: answers, highlights, documents, links, keyboard, phones and hostile text."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PHONE, Server, ask, marked_offsets, serious, settled

Opened = Callable[..., Page]
Shoot = Callable[..., None]
Put = Callable[..., dict[str, Any]]
QUESTION = "When do the Russia-China drills run?"
UNANSWERABLE = "Who won the football world cup of 1998?"
SCHEMES = ["light", "dark"]
BRIDGE = (
    "The 🌉 bridge over the Danube — 𝔇, naïve, 日本 — was opened by Marta Kovács on 3 May 1931. It is 640 metres long."
)
ABOUT_BRIDGES = (
    "Four bridges cross the river within the city. The stone bridge is the oldest, and only people on foot may use it. "
    "The railway bridge was blown up in the war and built again from its own iron. 🚂 Between the two stands the chain "
    "bridge, which every postcard shows. The chain bridge was designed by William Tierney Clark, an engineer from "
    "Bristol, who had built one like it on the Thames. It has been repaired three times since, most lately after a "
    "flood that carried ice against its eastern pier. The fourth bridge carries a road and is not loved by anybody."
)
CHAIN_QUESTION = "Who designed the chain bridge?"
BRIDGE_QUESTION = "Who opened the bridge over the Danube?"


def remove_button(page: Page, title: str) -> Locator:
    return page.get_by_role("button", name=f"Remove {title}", exact=True)


def test_the_answer_is_marked_at_exactly_its_characters(opened: Opened, server: Server, shoot: Shoot) -> None:
    page = opened()
    ask(page, QUESTION)
    expect(page.locator(".answer .words")).to_have_text("August 9-14")
    expect(page.locator(".answer .quotation mark")).to_have_text("August 9-14")
    expect(page.locator(".answer .confidence")).to_contain_text("%")
    expect(page.locator("#span")).to_have_text("August 9-14")
    expect(page.locator("#span")).to_be_in_viewport()
    record = next(r for r in server.call("GET", "/v1/documents")["documents"] if r["title"].startswith("000_"))
    text = server.text(record["id"])
    start = text.index("August 9-14")
    # The article is short enough to be shown from its beginning: offsets on the page are offsets in the document.
    before, inside, _ = marked_offsets(page)
    assert (before, before + inside) == (start, start + len("August 9-14"))
    expect(page.locator("#viewer-place")).to_contain_text("characters 1,367–1,378")
    expect(page.locator("#announce")).to_contain_text("Answer: August 9-14")
    assert page.url.endswith("#q=" + "When%20do%20the%20Russia-China%20drills%20run%3F")
    shoot(page)


def test_characters_beyond_the_basic_plane_do_not_move_the_mark(opened: Opened, document: Put) -> None:
    document("bridge.txt", "🛰🛰🛰 Notes 𝔘\n\n" + BRIDGE)
    page = opened()
    ask(page, BRIDGE_QUESTION)
    expect(page.locator("#span")).to_have_text("Marta Kovács")
    before, inside, _ = marked_offsets(page)
    text = "🛰🛰🛰 Notes 𝔘\n\n" + BRIDGE
    assert text[before : before + inside] == "Marta Kovács"


def test_a_huge_document_is_shown_around_its_span(opened: Opened, document: Put, shoot: Shoot) -> None:
    filler = "\n\n".join(f"Page {n} 🜁 of the register lists sacks of flour, barrels and ropes." for n in range(600))
    text = f"{filler}\n\n{ABOUT_BRIDGES}\n\n{filler}"
    document("huge.txt", text)
    page = opened()
    ask(page, CHAIN_QUESTION)
    expect(page.locator("#span")).to_have_text("William Tierney Clark")
    expect(page.locator("#span")).to_be_in_viewport()
    _, _, shown = marked_offsets(page)
    assert shown < 20_000 < len(text)
    page.get_by_role("button", name="Show what comes before").click()
    # What stood at the top is still there: the reader goes on upwards from it.
    assert page.evaluate("document.querySelector('#viewer-text').scrollTop") > 1_000
    page.get_by_role("button", name="Back to the words").click()
    expect(page.locator("#span")).to_be_in_viewport()
    page.get_by_role("button", name="Show more").click()
    _, _, more = marked_offsets(page)
    assert more >= shown + 30_000
    whole = page.evaluate("document.querySelector('#viewer-text .text').textContent")
    assert whole in text
    shoot(page)


def test_what_is_not_found_is_said_with_the_reason(opened: Opened, shoot: Shoot) -> None:
    page = opened()
    ask(page, UNANSWERABLE)
    expect(page.get_by_role("heading", name="Not found in the passages that were read")).to_be_visible()
    expect(page.locator(".not-found")).to_contain_text("none of them holds an answer")
    expect(page.locator("#announce")).to_contain_text("Not found in the passages that were read.")
    expect(page.get_by_role("heading", name="Nearest passages")).to_be_visible()
    expect(page.locator("#viewer")).to_be_hidden()
    shoot(page)
    page.locator("#result button.place").first.click()
    expect(page.locator("#span")).to_be_in_viewport()


def test_a_wording_that_is_not_sure_enough_is_no_answer(opened: Opened, server: Server, document: Put) -> None:
    document("bridges.txt", ABOUT_BRIDGES)
    response = server.call("POST", "/v1/ask", {"question": CHAIN_QUESTION, "candidates": True, "threshold": 0.99})
    assert (response["status"], response["reason"]) == ("unsure", "below_threshold")
    page = opened()
    page.route("**/v1/ask", lambda route: route.fulfill(json=response))
    ask(page, CHAIN_QUESTION)
    expect(page.get_by_role("heading", name="Not sure")).to_be_visible()
    card = page.locator(".unsure")
    expect(card).to_contain_text("99 % is needed to call it an answer")
    expect(card.get_by_role("heading", name="Closest")).to_be_visible()
    best = response["candidates"][0]
    shown = card.locator(".answers > li").first
    expect(shown).to_contain_text(best["text"])
    expect(shown).to_contain_text(f"{round(100 * min(best['confidence'], 0.99))} %")
    expect(page.locator("#announce")).to_contain_text("Not sure. The closest wording is only")
    assert serious(page) == []
    shown.locator("button.place").click()
    expect(page.locator("#span")).to_have_text(best["text"])


def test_what_no_quote_answers_says_what_to_ask_instead(opened: Opened) -> None:
    page = opened()
    ask(page, "Summarise the article")
    expect(page.get_by_role("heading", name="Not a question that a quote can answer")).to_be_visible()
    expect(page.locator(".outcome")).to_contain_text("This asks for a summary.")


def test_documents_come_and_go(opened: Opened, server: Server, tmp_path: Path, shoot: Shoot) -> None:
    (tmp_path / "brücke 🌉.txt").write_text(BRIDGE, encoding="utf-8")
    (tmp_path / "empty.txt").write_bytes(b"")
    page = opened()
    page.keyboard.press("Tab")
    page.locator("#open-documents").click()
    page.set_input_files("#files", [tmp_path / "brücke 🌉.txt", tmp_path / "empty.txt"])
    lines = page.locator("#uploads li")
    expect(lines.nth(0)).to_contain_text("added, 1 passage")
    expect(lines.nth(1)).to_have_class("bad")
    expect(page.locator("#announce")).to_contain_text("1 file added, 1 refused")
    expect(page.locator("#documents-list li")).to_have_count(2)
    shoot(page, "added")
    page.keyboard.press("Escape")
    ask(page, BRIDGE_QUESTION)
    expect(page.locator(".answer .words")).to_have_text("Marta Kovács")
    page.locator("#open-documents").click()
    remove_button(page, "brücke 🌉.txt").click()
    expect(page.get_by_role("dialog", name="Remove this document?")).to_be_visible()
    shoot(page, "confirm")
    page.get_by_role("button", name="Keep it").click()
    expect(page.locator("#documents-list li")).to_have_count(2)
    remove_button(page, "brücke 🌉.txt").click()
    page.get_by_role("button", name="Remove", exact=True).last.click()
    expect(page.locator("#documents-list li")).to_have_count(1)
    expect(page.locator("#viewer")).to_be_hidden()
    page.keyboard.press("Escape")
    ask(page, BRIDGE_QUESTION)
    expect(page.locator(".outcome")).to_be_visible()
    assert [r["title"] for r in server.call("GET", "/v1/documents")["documents"]] == ["000_a47247f0e3dcde29.txt"]


def test_files_can_be_dropped(opened: Opened, server: Server, document: Put) -> None:
    page = opened()
    transfer = page.evaluate_handle(
        """(text) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([text], "dropped.md", {type: "text/markdown"}));
            return transfer;
        }""",
        f"# Bridges\n\n{BRIDGE}",
    )
    page.dispatch_event("body", "dragenter", {"dataTransfer": transfer})
    expect(page.locator("#dropping")).to_be_visible()
    page.dispatch_event("body", "drop", {"dataTransfer": transfer})
    expect(page.locator("#dropping")).to_be_hidden()
    expect(page.locator("#uploads li")).to_contain_text("added")
    expect(page.locator("#documents-list")).to_contain_text("Bridges")
    document("upload:dropped.md", f"# Bridges\n\n{BRIDGE}", media_type="text/markdown")


def test_a_question_to_some_documents_only(opened: Opened, document: Put) -> None:
    document("bridge.txt", BRIDGE)
    page = opened()
    page.locator("#open-documents").click()
    page.get_by_role("checkbox", name="Ask only bridge.txt").check()
    page.keyboard.press("Escape")
    expect(page.locator("#filters")).to_contain_text("bridge.txt")
    ask(page, QUESTION)
    expect(page.locator(".outcome")).to_be_visible()
    page.get_by_role("button", name="Ask all documents").click()
    expect(page.locator(".answer .words")).to_have_text("August 9-14")
    expect(page.locator("#filters")).to_be_hidden()


def link_of(page: Page) -> str:
    """The link that the menu of the shown answer copies."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator(".answer details.copy summary").first.click()
    page.get_by_role("button", name="Link to this citation").click()
    expect(page.locator("#announce")).to_contain_text("Copied")
    link: str = page.evaluate("navigator.clipboard.readText()")
    return link[link.index("#") :]


def shared_state(page: Page) -> str | None:
    settled(page)
    return page.locator(".shared").get_attribute("data-state")


def test_a_shared_link_is_checked_when_it_is_opened(
    opened: Opened, server: Server, document: Put, shoot: Shoot
) -> None:
    record = document("bridge.txt", BRIDGE)
    page = opened()
    ask(page, BRIDGE_QUESTION)
    link = link_of(page)
    page = opened(link)
    assert shared_state(page) == "holds"
    expect(page.locator(".verdict")).to_contain_text("exactly this")
    expect(page.locator("#span")).to_have_text("Marta Kovács")
    shoot(page, "holds")

    document("bridge.txt", f"{BRIDGE} It was repaired in 1950.")
    page = opened(link)
    assert shared_state(page) == "kept"
    expect(page.locator("#span")).to_have_text("Marta Kovács")

    document("bridge.txt", f"A 🌉 note on top.\n\n{BRIDGE}")
    page = opened(link)
    assert shared_state(page) == "moved"
    expect(page.locator("#span")).to_have_text("Marta Kovács")
    before, inside, _ = marked_offsets(page)
    assert f"A 🌉 note on top.\n\n{BRIDGE}"[before : before + inside] == "Marta Kovács"
    shoot(page, "moved")

    # The cited sentence now says the contrary, and a copy of what it said stands elsewhere.
    document("bridge.txt", f"{BRIDGE.replace('was opened', 'was never opened')}\n\n{BRIDGE}")
    page = opened(link)
    assert shared_state(page) == "ambiguous"
    expect(page.locator("#span")).to_have_count(0)

    document("bridge.txt", "Marta Kovács lived here. She never saw Marta Kovács, her cousin.")
    page = opened(link)
    assert shared_state(page) == "ambiguous"
    expect(page.locator("#span")).to_have_count(0)

    document("bridge.txt", "The bridge is gone.")
    page = opened(link)
    assert shared_state(page) == "gone"
    shoot(page, "gone")

    server.remove(record["id"])
    page = opened(link)
    assert shared_state(page) == "removed"
    expect(page.locator(".shared .words")).to_have_text("Marta Kovács")
    expect(page.locator("#viewer")).to_be_hidden()
    shoot(page, "removed")


def test_a_link_that_was_altered_is_called_so(opened: Opened, document: Put) -> None:
    document("bridge.txt", BRIDGE)
    page = opened()
    ask(page, BRIDGE_QUESTION)
    forged = page.evaluate(
        """async () => {
            const link = await import("./assets/link.js");
            const found = await (await fetch("v1/ask", {method: "POST", headers: {"content-type": "application/json"},
                body: JSON.stringify({question: "Who opened the bridge over the Danube?"})})).json();
            const citation = found.answers[0].citation;
            const quote = "Someone else";
            const [words, position] = citation.selector;
            return link.linkTo({...citation, quote, selector: [{...words, exact: quote}, position]});
        }"""
    )
    page = opened(forged[forged.index("#") :])
    assert shared_state(page) == "false"
    expect(page.locator(".verdict")).to_contain_text("does not fit the document")
    for damaged in ("#cite=", "#cite=%00", "#cite=AAAA", f"#cite={'A' * 5_000}", "#cite=eyJ4IjoxfQ"):
        page = opened(damaged)
        settled(page)
        if damaged != "#cite=":
            expect(page.locator(".failed")).to_contain_text("damaged")


def test_the_forms_of_a_citation(opened: Opened, document: Put, shoot: Shoot) -> None:
    document("https://example.org/bridge", BRIDGE, title="The *bridge* <b>")
    page = opened()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ask(page, BRIDGE_QUESTION)
    copied = {}
    for label in ("Plain text", "Markdown", "Web Annotation (JSON-LD)", "Link into the web page"):
        page.locator(".answer details.copy summary").click()
        shoot(page, "menu")
        page.get_by_role("button", name=label).click()
        expect(page.locator(".answer details.copy summary")).to_be_focused()
        copied[label] = page.evaluate("navigator.clipboard.readText()")
    assert "[Marta Kovács]" in copied["Plain text"]
    assert "**Marta Kovács**" in copied["Markdown"] and r"\*bridge\* \<b\>" in copied["Markdown"]
    annotation = json.loads(copied["Web Annotation (JSON-LD)"])
    assert annotation["target"]["source"]["id"] == "https://example.org/bridge"
    link = copied["Link into the web page"]
    assert link.startswith("https://example.org/bridge#:~:text=")
    assert "was%20opened%20by-,Marta%20Kov%C3%A1cs,-on%203%20May" in link


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("viewport", [None, PHONE], ids=["wide", "phone"])
def test_every_state_is_accessible_and_fits(
    opened: Opened, document: Put, shoot: Shoot, scheme: str, viewport: dict[str, int] | None
) -> None:
    document("a-rather-long-name-without-any-break-" + "x" * 120 + ".txt", BRIDGE + "\n\n" + "unbroken" * 80)
    page = opened(color_scheme=scheme, **({"viewport": viewport} if viewport else {}))

    def check(part: str) -> None:
        shoot(page, part, full=viewport is not None)
        assert serious(page) == []
        width, shown = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert width <= shown, f"{part} scrolls sideways"
        panel = page.evaluate(
            "[...document.querySelectorAll('dialog[open]')].every((d) => d.scrollWidth <= d.clientWidth)"
        )
        assert panel, f"{part} scrolls sideways"

    check("start")
    ask(page, BRIDGE_QUESTION)
    check("answer")
    page.locator(".why summary").click()
    expect(page.locator(".why table")).to_have_count(3)
    check("why")
    page.locator(".answer details.copy summary").click()
    expect(page.get_by_role("button", name="Markdown")).to_be_visible()
    check("copy")
    page.keyboard.press("Escape")
    ask(page, UNANSWERABLE)
    check("abstention")
    page.locator("#open-documents").click()
    check("documents")
    page.locator("#documents-list .remove").last.click()
    check("confirm")
    page.get_by_role("button", name="Keep it").click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Help and keyboard shortcuts").click()
    check("help")


def test_dark_mode_is_dark(opened: Opened) -> None:
    def luminance(scheme: str) -> float:
        page = opened(color_scheme=scheme)
        channels = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
        return sum(channels[:3]) / 3

    assert luminance("light") > 200
    assert luminance("dark") < 60


def test_the_keyboard_is_enough(opened: Opened, document: Put, shoot: Shoot) -> None:
    document("bridge.txt", ABOUT_BRIDGES)
    document("bridge-2.txt", "A second leaflet. " + ABOUT_BRIDGES)
    page = opened()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    expect(page.locator("#question")).to_be_focused()
    page.keyboard.type(CHAIN_QUESTION)
    page.keyboard.press("Enter")
    settled(page)
    expect(page.locator(".answer .words")).to_have_text("William Tierney Clark")
    # Single keys are letters while one types: they act only outside of fields.
    page.keyboard.press("Tab")
    page.keyboard.press("v")
    expect(page.locator("#viewer-text")).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    shoot(page, "focus")
    first = page.locator("#viewer-title").inner_text()
    page.keyboard.press("j")
    expect(page.locator("#result button.place[aria-current]")).to_be_focused()
    expect(page.locator("#viewer-title")).not_to_have_text(first)
    page.keyboard.press("k")
    expect(page.locator("#viewer-title")).to_have_text(first)
    page.keyboard.press("c")
    expect(page.locator(".answer details.copy summary").first).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#announce")).to_contain_text("Copied")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("d")
    expect(page.locator("#documents")).to_be_visible()
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('aria-label')") == "Remove bridge-2.txt":
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Keep it")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#documents-list")).not_to_contain_text("bridge-2.txt")
    # Focus stays where the work is, and does not fall back to the top of the page.
    assert page.evaluate("document.activeElement.closest('#documents') !== null")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("#question")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("?")
    page.get_by_label("Single-key shortcuts").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("d")
    expect(page.locator("#documents")).to_be_hidden()


HOSTILE = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"


def test_hostile_text_and_names_are_only_text(opened: Opened, document: Put, shoot: Shoot) -> None:
    text = f"{HOSTILE} The treasure of {HOSTILE} Captain Barbossa </div></body> is buried on Isla Verde in Panama."
    uri = f"javascript:alert(1)//{HOSTILE}"
    document(uri, text, title=f'{HOSTILE}\u202etxt.exe"><svg/onload=alert(1)>')
    page = opened()
    ask(page, "Where is the treasure buried?")
    expect(page.locator(".answer .words")).to_contain_text("Isla Verde")
    assert page.evaluate("document.querySelector('#viewer-text .text').textContent") == text
    expect(page.locator("#viewer-title")).to_contain_text("<script>")
    page.locator("#open-documents").click()
    expect(page.locator("#documents-list")).to_contain_text("<script>")
    shoot(page)
    page.keyboard.press("Escape")
    ask(page, f"Who is {HOSTILE}?")
    assert page.title() != "owned"
    assert page.evaluate("document.querySelectorAll('main img, main script, main svg, main iframe').length") == 0
    assert page.evaluate("[...document.links].every((link) => /^https?:/.test(link.href))")
    # The policy itself: markup that came in by mistake could not be made, and its script would not run.
    refused = page.evaluate(
        """() => {
            try { document.createElement("div").innerHTML = "<b>x</b>"; return false; } catch { return true; }
        }"""
    )
    assert refused
    page.evaluate("violations.length = 0")


def test_a_key_is_asked_for_and_sent(opened: Opened, server: Server) -> None:
    seen: list[str | None] = []

    def guard(route: Any) -> None:
        given = route.request.headers.get("authorization")
        seen.append(given)
        if given == "Bearer right":
            route.continue_()
        else:
            route.fulfill(
                status=401, json={"type": "urn:spanqa:problem:unauthorized", "title": "No key", "status": 401}
            )

    page = opened()
    page.route("**/v1/**", guard)
    page.get_by_label("Your question").fill(QUESTION)
    page.keyboard.press("Enter")
    expect(page.get_by_label("API key")).to_be_focused()
    assert serious(page) == []
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#key-why")).to_contain_text("refused")
    page.get_by_label("API key").fill("right")
    page.keyboard.press("Enter")
    expect(page.locator(".answer .words")).to_have_text("August 9-14")
    assert seen[0] is None and "Bearer wrong" in seen and seen[-1] == "Bearer right"
    assert "right" not in page.url
    assert page.evaluate("Object.values(localStorage).join()") == ""
    # What the page fetches beside the answer would ask for the key first.
    page.wait_for_load_state("networkidle")
    page.evaluate("sessionStorage.clear()")
    page.get_by_role("button", name="Ask", exact=True).click()
    page.get_by_role("button", name="Not now").click()
    expect(page.locator(".failed")).to_contain_text("A key is needed")


def test_troubles_are_told(opened: Opened) -> None:
    page = opened()
    starting = {"type": "urn:spanqa:problem:starting", "title": "x", "status": 503}
    broken = {"type": "urn:spanqa:problem:internal-error", "title": "x", "detail": "it broke", "status": 500}
    # Each trouble lasts until it was seen: the handler that was added last is asked.
    page.route("**/v1/ask", lambda route: route.fulfill(status=503, json=starting, headers={"retry-after": "1"}))
    page.get_by_label("Your question").fill(QUESTION)
    page.keyboard.press("Enter")
    expect(page.locator(".waiting")).to_contain_text("models are being loaded")
    page.route("**/v1/ask", lambda route: route.fulfill(status=500, json=broken))
    expect(page.locator(".failed")).to_contain_text("it broke")
    page.route("**/v1/ask", lambda route: route.abort())
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".failed")).to_contain_text("cannot be reached")
    page.unroute("**/v1/ask")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".answer .words")).to_have_text("August 9-14")


def test_an_empty_store_says_how_to_begin(opened: Opened, shoot: Shoot) -> None:
    page = opened()
    page.route("**/v1/documents?*", lambda route: route.fulfill(json={"documents": [], "total": 0}))
    page.reload()
    page.get_by_role("button", name="Add documents…").click()
    expect(page.get_by_role("dialog", name="Documents")).to_be_visible()
    shoot(page)


def test_going_back_goes_back(opened: Opened) -> None:
    page = opened()
    ask(page, QUESTION)
    ask(page, UNANSWERABLE)
    page.go_back()
    expect(page.locator(".answer .words")).to_have_text("August 9-14")
    expect(page.get_by_label("Your question")).to_have_value(QUESTION)


def test_what_is_also_found_and_promises_are_shown(opened: Opened, server: Server, document: Put, shoot: Shoot) -> None:
    document("bridge.txt", BRIDGE)
    response = server.call("POST", "/v1/ask", {"question": BRIDGE_QUESTION, "answers": 20, "candidates": True})
    other = json.loads(json.dumps(response["answers"][0]).replace("Marta Kovács", "Márta Kovac"))
    other["citation"]["document"]["date"] = "1999-05-01"
    response["also_found"] = [other]
    response["promise"] = {
        "risk": 0.1,
        "delta": 0.1,
        "threshold": 0.2,
        "strictest": 0.9,
        "coverage": 0.4,
        "questions": 600,
        "passages": 20,
        "gold": "gold.jsonl",
        "measured_at": "2026-11-22T16:00:00+00:00",
        "store_generation": 0,
    }
    page = opened()
    page.route("**/v1/ask", lambda route: route.fulfill(json=response))
    ask(page, BRIDGE_QUESTION)
    expect(page.get_by_role("heading", name="Also found")).to_be_visible()
    expect(page.locator(".also")).to_contain_text("dated 1999-05-01")
    expect(page.locator(".promise")).to_contain_text("at most 10 % of such answers are wrong, with 90 % confidence")
    assert serious(page) == []
    shoot(page)


def test_why_is_told_when_somebody_asks(opened: Opened, document: Put, shoot: Shoot) -> None:
    document("bridge.txt", BRIDGE)
    page = opened()
    asked: list[dict[str, Any]] = []
    page.on("request", lambda request: asked.append(request.post_data_json) if "/v1/ask" in request.url else None)
    ask(page, BRIDGE_QUESTION)
    assert ["explain" in body for body in asked] == [False]
    fold = page.locator(".why summary")
    fold.focus()
    page.keyboard.press("Enter")
    passages = page.get_by_role("table", name="Passages that were read")
    expect(passages.get_by_role("button", name="Marta Kovács")).to_be_visible()
    candidates = page.get_by_role("table", name="Candidates")
    expect(candidates.get_by_role("rowheader").first).to_have_text("Marta Kovács")
    features = page.get_by_role("table", name="What makes the confidence")
    expect(features).to_contain_text("how far the reader prefers the span to no answer")
    expect(page.locator(".why .changes")).to_contain_text("It would be answered at every threshold up to 0.")
    expect(page.locator("#announce")).to_have_text("The explanation is shown.")
    assert serious(page) == []
    shoot(page)
    # What was found leads to its place.
    page.locator("#viewer-close").click()
    candidates.get_by_role("button").first.click()
    expect(page.locator("#span")).to_have_text("Marta Kovács")
    # It is asked for once.
    fold.click()
    fold.click()
    expect(passages).to_be_visible()
    assert [body.get("explain") for body in asked] == [None, True]


def test_why_there_is_no_answer_and_why_it_cannot_be_told(opened: Opened, shoot: Shoot) -> None:
    page = opened()
    ask(page, UNANSWERABLE)
    page.route("**/v1/ask", lambda route: route.fulfill(status=503, json={"detail": "too many questions wait"}))
    fold = page.locator(".why summary")
    fold.click()
    expect(page.locator(".why").get_by_role("alert")).to_contain_text("too many questions wait")
    page.unroute("**/v1/ask")
    fold.click()
    fold.click()
    expect(page.get_by_role("table", name="Passages that were read")).to_be_visible()
    expect(page.locator(".why").get_by_role("alert")).to_have_count(0)
    expect(page.locator(".why .changes")).to_contain_text("It would be answered at a threshold of 0.")
    assert serious(page) == []
    shoot(page)


def test_what_was_not_read_is_said_quietly(opened: Opened, server: Server, tmp_path: Path, shoot: Shoot) -> None:
    made = openpyxl.Workbook()
    made.active.title = "Budget"
    for row in (["Item", "Cost"], ["Rent", 1200], ["Total", "=VLOOKUP(A2,A2:B2,2)"]):
        made.active.append(row)
    made.save(tmp_path / "budget.xlsm")
    page = opened()
    page.locator("#open-documents").click()
    page.set_input_files("#files", [tmp_path / "budget.xlsm"])
    said = "Not read: cell B3 of sheet Budget (a formula whose value is not in the file"
    expect(page.locator("#uploads li")).to_contain_text(said)
    listed = page.locator("#documents-list li").filter(has_text="budget.xlsm")
    expect(listed).to_contain_text(said)
    shoot(page, "listed")
    listed.get_by_role("button", name="budget.xlsm", exact=True).click()
    expect(page.locator("#viewer-unread")).to_contain_text(said)
    shoot(page)
    article = page.locator("#documents-list li").first
    page.locator("#open-documents").click()
    article.locator("button.link").click()
    expect(page.locator("#viewer-unread")).to_be_hidden()
