"""Query the hub whether this account can read a grid's models and collections at their revisions, and their sizes.

Only lists of files and one header are requested, never weights, and each repository only once. Messages never quote
what the hub says about a request.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from harness.files.units import amount
from harness.hub.cache import (
    CODE,
    HEAD,
    HEAD_FILE,
    TOKENIZER_FILE,
    WEIGHTS_FILE,
    WHOLE,
    is_cached,
    model_files,
    model_is_cached,
)
from harness.hub.gated import gate

OK, WARN, FAIL = "ok", "warn", "FAIL"
SECONDS = 10  # timeout of a request to the hub


@dataclass(frozen=True)
class Check:
    """One line of the report: its mark, what was checked, the result, and the bytes that are still to be downloaded."""

    mark: str
    what: str
    text: str
    download: int = 0


@dataclass(frozen=True)
class Listing:
    """The hub's answer about a repository.

    files    path -> bytes
    problem  why there are no files
    mark     how bad that is
    license  as the card states it, "" for none
    """

    files: dict[str, int]
    problem: str = ""
    mark: str = OK
    license: str = ""


class HubAccess:
    """Query the hub about repositories, each once. After one request that does not reach a hub, no more are made."""

    def __init__(self) -> None:
        self._listings: dict[tuple[str, str, str], Listing] = {}
        self._unreachable = ""

    def model(self, name: str, revision: str, parts: AbstractSet[str]) -> Check:
        """Check a model. parts: which of TOKENIZER, WHOLE, HEAD and CODE are read of it."""
        what = "model" if WHOLE in parts else "tokenizer"
        if model_is_cached(name, revision, parts):
            return Check(OK, what, f"{name}: in the hub's cache")
        listing = self.listing("model", name, revision)
        if listing.problem:
            return Check(listing.mark, what, f"{name}: {listing.problem}")
        paths, commit = model_files(listing.files, parts), revision[:12]
        names = [path.rsplit("/", 1)[-1] for path in paths]
        problem = ""
        if WHOLE in parts and CODE not in parts and not any(map(WEIGHTS_FILE.fullmatch, names)):
            problem = f"no model.safetensors at {commit}, and pickled weights are not loaded; pin a later revision"
        elif HEAD in parts and not any(map(HEAD_FILE.fullmatch, paths)):
            problem = f"no sparse_linear.pt at {commit}, so it is not of kind bge-m3; pin another revision"
        elif not any(map(TOKENIZER_FILE.fullmatch, names)):
            problem = f"no tokenizer at {commit}; pin another revision"
        if problem:
            return Check(FAIL, what, f"{name}: {problem}")
        return _to_download(what, name, {(name, revision, path): listing.files[path] for path in paths}, "model")

    def dataset(self, what: str, parameters: Sequence[dict[str, Any]]) -> Check:
        """Check a collection in several languages. parameters: those of its stage, one per language."""
        from harness.collections.collection import CollectionError
        from harness.collections.layout import LAYOUTS

        parts = [*parameters, *(source["judgements"] for source in parameters if source.get("judgements"))]
        pinned = {(part["hub"], part["revision"]) for part in parts}
        names = ", ".join(sorted(name for name, _ in pinned))
        listings = {name: self.listing("dataset", name, revision) for name, revision in sorted(pinned)}
        refused = next((listing for listing in listings.values() if listing.mark == FAIL), None)
        if refused is not None:
            return Check(FAIL, what, f"{names}: {refused.problem}")
        problem = next((listing.problem for listing in listings.values() if listing.problem), "")  # not reached
        if problem and not all(is_cached(name, "README.md", "dataset", revision) for name, revision in pinned):
            return Check(WARN, what, f"{names}: {problem}")
        try:
            layouts = [LAYOUTS[source["kind"]](source) for source in parameters]
        except CollectionError as error:
            return Check(WARN if problem else FAIL, what, str(error))
        sizes = {}
        for layout in layouts:
            for file in (*layout.corpus, *layout.queries, *layout.test, *layout.train):
                name, revision = file.repository.name, file.repository.revision
                sizes[name, revision, file.path] = listings[name].files.get(file.path, 0)
        if problem and (absent := _absent(sizes, "dataset")):
            missing = f"{len(absent)} of {len(sizes)} files are not in the hub's cache"
            return Check(WARN, what, f"{names}: {problem}; {missing}")
        return _to_download(what, names, sizes, "dataset")

    def listing(self, kind: str, name: str, revision: str) -> Listing:
        """Return the hub's answer about a repository. kind: model | dataset."""
        key = (kind, name, revision)
        if key not in self._listings:
            self._listings[key] = Listing({}, self._unreachable, WARN) if self._unreachable else self._query(*key)
        return self._listings[key]

    def license(self, kind: str, name: str) -> str:
        """Return the license that the card states; "" if it is unknown or the hub did not answer about it."""
        listings = (listing for key, listing in self._listings.items() if key[:2] == (kind, name))
        return next((listing.license for listing in listings), "")

    def _query(self, kind: str, name: str, revision: str) -> Listing:
        import httpx2
        from huggingface_hub import HfApi, constants, errors, hf_hub_url

        page = f"https://huggingface.co/{'datasets/' if kind == 'dataset' else ''}{name}"
        hub, license = HfApi(endpoint=constants.ENDPOINT), ""
        try:
            request = hub.dataset_info if kind == "dataset" else hub.model_info
            info = request(name, revision=revision, files_metadata=True, timeout=SECONDS)
            files, license = {file.rfilename: file.size or 0 for file in info.siblings or []}, _license(info.card_data)
            guarded = [path for path in sorted(files) if path not in ("README.md", ".gitattributes")]
            if info.gated and guarded:  # the list is open to all, the files are not
                url = hf_hub_url(name, guarded[0], repo_type=kind, revision=revision, endpoint=constants.ENDPOINT)
                hub.get_hf_file_metadata(url=url, timeout=SECONDS)
            return Listing(files, license=license)
        except errors.GatedRepoError:
            return Listing({}, f"gated, and you have no access: {gate(page)}", FAIL, license)
        except errors.RepositoryNotFoundError:
            problem = "does not exist, or is private: check the name; for a private one set HF_TOKEN to a read token"
            return Listing({}, problem, FAIL)
        except errors.RevisionNotFoundError:
            return Listing({}, f"has no commit {revision}: copy the revision from {page}/commits/main", FAIL)
        except errors.OfflineModeIsEnabled:
            self._unreachable = "not checked (offline: HF_HUB_OFFLINE is set)"
        except errors.HfHubHTTPError as error:
            status = error.response.status_code
            if status == 401:
                return Listing({}, "the hub refuses the token: make a new one and set HF_TOKEN to it", FAIL)
            return Listing({}, f"not checked (the hub answers with status {status}): try again later", WARN)
        except (httpx2.HTTPError, OSError):
            self._unreachable = "not checked (offline: the hub cannot be reached)"
        return Listing({}, self._unreachable, WARN)


def _license(card: Any) -> str:
    """Return the license in a card's metadata; several are joined."""
    if card is None:
        return ""
    stated, name = card.get("license"), card.get("license_name")
    if stated == "other" and name:
        return str(name)
    return ", ".join(map(str, stated)) if isinstance(stated, list) else str(stated or "")


def _absent(sizes: dict[tuple[str, str, str], int], kind: str) -> list[int]:
    """Return the bytes of each file that is not in the hub's cache. sizes: by (repository, revision, path)."""
    return [size for (name, revision, path), size in sizes.items() if not is_cached(name, path, kind, revision)]


def _to_download(what: str, names: str, sizes: dict[tuple[str, str, str], int], kind: str) -> Check:
    absent = _absent(sizes, kind)
    if not absent:
        return Check(OK, what, f"{names}: in the hub's cache")
    return Check(OK, what, f"{names}: {amount(sum(absent))} to download ({len(absent)} files)", sum(absent))
