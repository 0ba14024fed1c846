"""The access table of the contract, cell by cell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scheduler_api.auth.access import HOSTS, SCOPES, Role, Scope, UserClaims, rights
from storage.manifest import Policy, parse_policy
from tests.support.auth import OTHER_ROOM, ROOM, person

NOTHING: frozenset[Scope] = frozenset()
LOOK: frozenset[Scope] = frozenset({"preview:read"})
ALL = frozenset(SCOPES)

CALLERS = {
    "host": person("hedy", role="host"),
    "co-host": person("carl", role="co_host"),
    "participant": person("paul", role="participant"),
    "participant, not logged in": person("pia", role="participant", logged_in=False),
    "participant, selected": person("sel", role="participant"),
    "shelf only": person("sofie", shelf=ROOM),
    "shelf only, selected": person("sel", shelf=ROOM),
    "shelf only, not logged in": person("sven", shelf=ROOM, logged_in=False),
    "host and shelf": UserClaims("both", True, {ROOM: "host"}, frozenset({ROOM})),
    "another room's host": person("olga", role="host", room=OTHER_ROOM),
    "another room's host, selected": person("sel", role="host", room=OTHER_ROOM),
    "another room's shelf": person("otto", shelf=OTHER_ROOM),
    "logged in, no tie": person("nora"),
    "selected, no tie": person("sel"),
    "anonymous token": person("anon", logged_in=False),
}

HOST_LEVEL = {"host": ALL, "co-host": ALL, "host and shelf": ALL}

# What is not named sees nothing.
TABLE: dict[str | None, dict[str, frozenset[Scope]]] = {
    "all": dict.fromkeys(CALLERS, LOOK) | HOST_LEVEL,
    "logged_in": HOST_LEVEL
    | dict.fromkeys(("participant", "participant, selected", "shelf only", "shelf only, selected"), LOOK),
    "host": HOST_LEVEL,
    "selected": HOST_LEVEL | dict.fromkeys(("participant, selected", "shelf only, selected"), LOOK),
    "unspecified": HOST_LEVEL,
    "no such level": HOST_LEVEL,
    None: HOST_LEVEL,
}


def policy_of(level: str) -> Policy:
    document = {"who_can_access_recordings": level, "allowed_accessor_ids": ["sel", "someone"]}
    return parse_policy(document)


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("level", TABLE)
def test_the_access_table(level: str | None, caller: str) -> None:
    policy = None if level is None else policy_of(level)
    assert rights(policy, CALLERS[caller], ROOM) == TABLE[level].get(caller, NOTHING)


def test_a_selected_list_counts_at_its_own_level_only() -> None:
    for level in ("host", "unspecified"):
        assert rights(policy_of(level), CALLERS["participant, selected"], ROOM) == NOTHING


def test_an_empty_name_in_the_list_selects_nobody_else() -> None:
    policy = replace(policy_of("selected"), allowed_accessor_ids=("", "se", "sel2"))
    assert rights(policy, CALLERS["participant, selected"], ROOM) == NOTHING


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("level", TABLE)
def test_a_setting_widens_who_edits_and_never_who_sees(level: str | None, caller: str) -> None:
    policy = None if level is None else policy_of(level)
    everyone: frozenset[Role] = frozenset({"host", "co_host", "participant"})
    narrow, wide = (rights(policy, CALLERS[caller], ROOM, editors) for editors in (HOSTS, everyone))
    assert bool(narrow) == bool(wide)
    assert narrow <= wide
    if wide:
        assert (wide == ALL) == (ROOM in CALLERS[caller].rooms)


def test_a_setting_can_leave_editing_to_hosts_alone() -> None:
    only_hosts: frozenset[Role] = frozenset({"host"})
    assert rights(policy_of("host"), CALLERS["co-host"], ROOM, only_hosts) == LOOK
