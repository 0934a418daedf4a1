"""What is wrong where models cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from api.problems import MODEL_UNAVAILABLE, OTHER_EMBEDDER, Kind, ProblemError
from index.errors import ModelError
from index.store.store import Store

_T = TypeVar("_T")


def with_model_problems(store: Store, work: Callable[[], _T]) -> _T:
    """The result of work that needs the models.

    Raises ProblemError where they cannot be used: 409 where the store has another embedder, 503 otherwise.
    """
    try:
        return work()
    except ModelError as error:
        raise ProblemError(_kind(store), str(error)) from error


def _kind(store: Store) -> Kind:
    try:
        store.check_embedder()
    except ModelError:
        return OTHER_EMBEDDER
    return MODEL_UNAVAILABLE
