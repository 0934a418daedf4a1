"""Yes-or-no questions and questions for a list, asked of small documents with the shipped models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.cli.opening import open_engine, open_store
from index.ingest.sync import index_paths
from qa.citing.verify import verify
from qa.engine import Engine
from qa.types import Question

pytestmark = pytest.mark.slow

DOCUMENTS = Path(__file__).parent / "forms"

# Question: how the sentence begins that settles it.
SETTLED = {
    "Does the ferry to Ravnskjær sail in winter?": "The ferry to Ravnskjær does not sail",
    "Is the new quay in use?": "The new quay was finished",
    "Do small fishing boats pay a fee?": "Fishing boats under eight metres",
    "Was the dredging of the eastern channel postponed?": "Dredging of the eastern channel",
    "Can bicycles travel on the ferries for free?": "Bicycles travel free of charge",
    "Is the harbour director going to retire?": "Its director, Ingrid Solberg",
    "Should old apple trees be pruned heavily in summer?": "Heavy pruning in summer",
    "Can hollow trees bear fruit?": "The wood of an old tree",
    "Does Gravenstein keep until spring?": "Gravenstein tastes best in September",
    "Must fire blight be reported?": "Fire blight must be reported",
    "May goats graze under the trees?": "Sheep may graze under tall trees",
    "Is food allowed in the reading room?": "Food is not allowed",
    "Are guide dogs admitted?": "Dogs are not admitted",
    "Do visitors have to pay a deposit?": "Visitors from outside pay a deposit",
    "Were the maps lost in the fire?": "A fire damaged the archive",
}
UNSETTLED = [
    "Does the harbour own a helicopter?",
    "Is the library open on Sundays in Berlin?",
    "Was the orchard sold in 1990?",
    "Did Nordfrakt buy Balder Shipping?",
    "Are pears better than plums?",
]
LISTS = {
    "Which companies rent warehouses in the harbour?": "Nordfrakt|Hansen and Sons|Balder Shipping|cooperative Sjømat",
    "Which islands do ferries leave for?": "Storøya|Grytholmen|Ravnskjær",
    "List the islands that the ferries sail to.": "Storøya|Grytholmen|Ravnskjær",
    "What are the most common diseases of apple trees?": "apple scab|powdery mildew|canker|fire blight",
    "Name four diseases of apple trees.": "apple scab|powdery mildew|canker|fire blight",
    "Which varieties keep until spring?": "Ribston Pippin|Boskoop|Ontario|Champagne Reinette",
    "Which useful visitors come to the orchard?": "hoverflies|earwigs|ladybirds|lacewings",
    "On which days is the reading room open?": "Tuesday|Thursday|Saturday",
    "Who were the architects who designed the library?": "Alma Petrović|Jonas Lind",
    "Which newspapers are kept in print?": "Morning Post|Lindvik Courier|Farmers' Weekly",
}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    store = open_store(tmp_path_factory.mktemp("forms") / "store", None, create=True)
    report = index_paths(store, [DOCUMENTS])
    assert (report.added, report.failed) == (3, [])
    yield open_engine(store, None, None)
    store.close()


def test_yes_or_no_gets_the_sentence_that_settles_it_or_none(engine: Engine) -> None:
    responses = engine.ask_many([Question(question=question) for question in (*SETTLED, *UNSETTLED)])
    wrong, settled = [], 0
    for question, response in zip((*SETTLED, *UNSETTLED), responses, strict=True):
        for answer in response.answers[:1]:
            citation = answer.citation
            assert citation.quote == citation.sentence.text
            assert verify(citation, engine.store.catalogue).valid
            if citation.quote.startswith(SETTLED.get(question, "no answer")):
                settled += 1
            else:
                wrong.append((question, citation.quote))
    # A model decides: it may fail to see an answer, and be fooled once.
    assert len(wrong) <= 1, wrong
    assert settled >= len(SETTLED) - 2


def test_a_list_gets_its_items_each_with_its_place(engine: Engine) -> None:
    responses = engine.ask_many([Question(question=question, answers=20) for question in LISTS])
    missed = []
    for (question, items), response in zip(LISTS.items(), responses, strict=True):
        given = [answer.citation.quote.removeprefix("the ") for answer in response.answers]
        assert all(verify(answer.citation, engine.store.catalogue).valid for answer in response.answers)
        if given != items.split("|"):
            missed.append((question, given))
    assert len(missed) <= 1, missed
