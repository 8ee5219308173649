"""Collections from a hub in presets: refusals before anything is fetched, sharing, and names of subsets in tables."""

import pytest

RU = ("--languages", "ru", "--regimes", "zero-shot", "--initializers", "base", "bm25")
COMMIT = "9c09abc13478308c27598f350e31d8f06b9b5481"
HUB = f"{{hub: mteb/MIRACLRetrieval, revision: {COMMIT}, config: '{{language}}'"
RAW = f"{{hub: miracl/miracl-corpus, revision: {COMMIT}, kind: miracl, config: '{{language}}'"


@pytest.fixture
def said(command):
    """What a dry run prints, or says when it refuses, for a preset whose only collection is this one."""

    def run(collection: str, *options: str) -> str:
        code, out, err = command(*RU, "--set", f"collections={{c: {collection}}}", *options, "--dry-run")
        assert (code, bool(out), err.count("\n")) in ((0, True, 0), (2, False, 1)), (code, out, err)
        return out or err

    return run


def test_a_hub_collection_is_one_artifact_for_all_cells(said):
    message = said(HUB + "}")
    assert "2 cells" in message and "1 collection " in message and "1 bm25" in message


def test_subsets_are_called_so(said):
    assert " collections    c-hard-negatives-judged+5\n" in said(HUB + ", limit: 5, subset: hard-negatives}")
    assert " collections    c-judged\n" in said("{ir_datasets: 'miracl/{language}/dev', limit: 0}")
    assert " collections    c\n" in said("{ir_datasets: 'miracl/{language}/dev', subset: c}")


@pytest.mark.parametrize(
    ("collection", "message"),
    [
        (
            "{hub: a/b}",
            "collections.c: the hub dataset 'a/b' needs its pinned revision (--set collections.c.revision=COMMIT)",
        ),
        (
            "{hub: a/b, revision: main}",
            "collections.c.revision: 'main' is not a commit, and what it stands for may change; give the 40",
        ),
        ("{hub: b, revision: " + COMMIT + "}", "collections.c.hub: 'b' is not a hub dataset; give its owner and name"),
        (HUB + ", folder: x}", "comes from one of folder, hub and ir_datasets, not from folder and hub"),
        ("{limit: 3}", "not from none of them"),
        (
            "{ir_datasets: x/y, revision: " + COMMIT + "}",
            "collections.c: revision has no effect on a collection from ir_datasets; leave it out",
        ),
        ("{folder: x, limit: 3}", "collections.c: limit has no effect on a collection from folder"),
        (
            RAW + "}",
            "kind miracl needs config, e.g. '{language}', and judgements: {hub: miracl/miracl, revision: COMMIT}",
        ),
        (
            RAW + ", judgements: {hub: miracl/miracl}}",
            "'miracl/miracl' needs its pinned revision (--set collections.c.judgements.revision=COMMIT)",
        ),
        (HUB + ", kind: mirackl}", "'mirackl' is not valid; did you mean 'miracl'?"),
        (HUB + ", confg: x}", "option 'collections.c.confg' is unknown; did you mean 'config'?"),
        (
            HUB + ", expected: {ru: {frst: x}}}",
            "option 'collections.c.expected.ru.frst' is unknown; did you mean 'first'?",
        ),
        (HUB + ", limit: -1}", "option 'collections.c.limit': -1 is not valid"),
    ],
)
def test_wrong_forms_are_one_line(said, collection, message):
    assert message in said(collection)


def test_text_of_the_collection_can_be_its_own_documents(command):
    code, out, err = command(
        "--languages",
        "ru",
        "--initializers",
        "focus",
        "--set",
        f"collections={{c: {HUB}}}}}",
        "--set",
        "text=null",
        "--dry-run",
    )
    assert code == 0 and "1 auxiliary-vectors" in out and "1 collection " in out, err
