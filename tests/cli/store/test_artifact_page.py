"""`store show`: how an artifact was made, and which cells use it."""

from __future__ import annotations

import re

import pytest

from harness.files.shown import shown


def artifact_of(cells, stage, initializer=None):
    for cell in cells:
        for artifact in cell.walk():
            if artifact.stage.name == stage and initializer in (None, artifact.parameters.get("initializer")):
                return artifact
    raise AssertionError(shown(stage))


def test_a_page_says_how_it_was_made_and_what_uses_it(place, run_store):
    artifact = artifact_of(place.ko, "initialization", "sembridge")
    code, out, _ = run_store("show", artifact.key[:10], "--results", "ko", "ru")
    assert code == 0 and out.startswith(f"initialization\n  key        {artifact.key}\n")
    for name, source in artifact.inputs.items():
        member = getattr(source, "artifact", source)
        assert re.search(rf"^  input +{name}: {member.stage}/{member.key}", out, re.M), out
    assert '  parameter  initializer: "sembridge"\n' in out and "  parameter  settings.alpha: 4.0\n" in out
    users = [cell for cell in place.ko if artifact in list(cell.artifact.walk())]
    assert f"used by {len(users)} of the {len(place.ko)} cells of ko\n" in out and len(users) == 4
    assert all(f"\n  {cell.identity.name}\n" in out for cell in users)
    assert f"used by 0 of the {len(place.ru)} cells of ru\n" in out
    readers = {reader.key for cell in users for reader in cell.artifact.walk() if artifact in reader.needed}
    assert f"read by {len(readers)} artifacts of this store" in out and all(key[:12] in out for key in readers)


def test_what_many_cells_use_is_told_by_number(place, run_store):
    out = run_store("show", artifact_of(place.ko, "pocket-text").key, "--results", "ko")[1]
    assert f"used by {len(place.ko)} of the {len(place.ko)} cells of ko" in out
    strata = run_store("show", place.ko[0].strata.key, "--results", "ko")[1]
    sharing = [cell for cell in place.ko if cell.strata.key == place.ko[0].strata.key]
    assert f"used by {len(sharing)} of the {len(place.ko)} cells of ko" in strata


def test_damage_shows_although_sizes_agree(place, run_store):
    artifact = artifact_of(place.ko, "initialization")
    path = place.store.path(artifact) / "about.json"
    path.write_text(path.read_text().replace("0", "7"), encoding="utf-8")
    assert "  state      damaged: about.json has other bytes than were written\n" in run_store("show", artifact.key)[1]


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (
            "xyz",
            "KEY 'xyz' is not the beginning of a key in the store 'store'; `sembridge-bench store ls --store store",
        ),
        ("", "KEY '' is not the beginning of a key"),
    ],
)
def test_a_key_of_nothing_is_refused(place, run_store, key, message):
    code, _, err = run_store("show", key)
    assert code == 2 and message in err


def test_an_ambiguous_beginning_is_answered_with_the_keys(place, run_store):
    keys = sorted(place.keys())
    first = next(key[0] for key in keys if sum(other[0] == key[0] for other in keys) in range(2, 11))
    code, _, err = run_store("show", first)
    named = re.findall(r"[a-z0-9-]+/([0-9a-f]{12})", err)
    assert code == 2 and sorted(named) == sorted(key[:12] for key in keys if key[0] == first)
    assert err.startswith(f"error: KEY '{first}' begins {len(named)} keys: ") and err.endswith(
        "; give more characters\n"
    )
