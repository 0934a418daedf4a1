"""What was accepted and is not finished."""

from __future__ import annotations

import pytest

from api.service.acceptance import Acceptance


def test_work_counts_until_it_ends_in_whichever_way() -> None:
    acceptance = Acceptance()
    with acceptance.accepted():
        with pytest.raises(ValueError, match="no"), acceptance.accepted():
            assert acceptance.at_work == 2
            raise ValueError("no")
        assert acceptance.at_work == 1
    assert acceptance.at_work == 0 and not acceptance.stopping
