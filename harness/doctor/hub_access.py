"""Ask the hub whether a grid's models and collections are accessible: at that revision, to this account, and of which size.

The hub is asked for lists of files and for one header, never for weights; each repository once. Messages never carry what it said about a request.
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
SECONDS = 10  # to wait for an answer of the hub


@dataclass(frozen=True)
class Check:
    """One line of the report: its mark, what was looked at, what was found, and the bytes that are still to be downloaded."""

    mark: str
    what: str
    text: str
    download: int = 0


@dataclass(frozen=True)
class Listing:
    """What the hub says of a repository: path -> bytes, and the license its card states ("" for none). `problem` says why there are no files; `mark`
    how bad that is."""

    files: dict[str, int]
    problem: str = ""
    mark: str = OK
    license: str = ""


class HubAccess:
    """Asks the hub about repositories, each once. After one attempt that reaches no hub, nothing more is tried."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], Listing] = {}
        self._unreachable = ""

    def model(self, name: str, revision: str, parts: AbstractSet[str]) -> Check:
        """parts: what is read of it, of TOKENIZER, WHOLE, HEAD, CODE."""
        what = "model" if WHOLE in parts else "tokenizer"
        if model_is_cached(name, revision, parts):
            return Check(OK, what, f"{name}: in the hub's cache")
        listing = self.listing("model", name, revision)
        if listing.problem:
            return Check(listing.mark, what, f"{name}: {listing.problem}")
        wanted = model_files(listing.files, parts)
        if (
            WHOLE in parts
            and CODE not in parts
            and not any(WEIGHTS_FILE.fullmatch(path.rsplit("/", 1)[-1]) for path in wanted)
        ):
            return Check(
                FAIL,
                what,
                f"{name}: no model.safetensors at {revision[:12]}, and pickled weights are not loaded; pin a later revision",
            )
        if HEAD in parts and not any(HEAD_FILE.fullmatch(path) for path in wanted):
            return Check(
                FAIL,
                what,
                f"{name}: no sparse_linear.pt at {revision[:12]}, so it is not of kind bge-m3; pin another revision",
            )
        if not any(TOKENIZER_FILE.fullmatch(path.rsplit("/", 1)[-1]) for path in wanted):
            return Check(FAIL, what, f"{name}: no tokenizer at {revision[:12]}; pin another revision")
        return _to_download(what, name, {path: listing.files[path] for path in wanted}, "model", revision)

    def dataset(self, what: str, parameters: Sequence[dict[str, Any]]) -> Check:
        """A collection in some languages, by the parameters of its stage."""
        from harness.collections.collection import CollectionError
        from harness.collections.layout import LAYOUTS

        pinned = {(given["hub"], given["revision"]) for given in parameters}
        pinned |= {
            (given["judgements"]["hub"], given["judgements"]["revision"])
            for given in parameters
            if given.get("judgements")
        }
        names = ", ".join(sorted(name for name, _ in pinned))
        listings = {name: self.listing("dataset", name, revision) for name, revision in sorted(pinned)}
        refused = next((listing for listing in listings.values() if listing.mark == FAIL), None)
        if refused is not None:
            return Check(FAIL, what, f"{names}: {refused.problem}")
        unasked = next((listing for listing in listings.values() if listing.problem), None)
        if unasked is not None and not all(
            is_cached(name, "README.md", "dataset", revision) for name, revision in pinned
        ):
            return Check(WARN, what, f"{names}: {unasked.problem}")
        try:
            layouts = [LAYOUTS[given["kind"]](given) for given in parameters]
        except CollectionError as error:
            return Check(FAIL if unasked is None else WARN, what, str(error))
        files = {
            file
            for layout in layouts
            for part in (layout.corpus, layout.queries, layout.test, layout.train)
            for file in part
        }
        wanted = {(file.repository.name, file.repository.revision, file.path) for file in files}
        absent = [one for one in wanted if not is_cached(one[0], one[2], "dataset", one[1])]
        if not absent:
            return Check(OK, what, f"{names}: in the hub's cache")
        if unasked is not None:
            return Check(
                WARN,
                what,
                f"{names}: {unasked.problem}; {len(absent)} of {len(wanted)} files are not in the hub's cache",
            )
        size = sum(listings[name].files.get(path, 0) for name, _, path in absent)
        return Check(OK, what, f"{names}: {amount(size)} to download ({len(absent)} files)", size)

    def listing(self, kind: str, name: str, revision: str) -> Listing:
        """kind: model, dataset."""
        at = (kind, name, revision)
        if at not in self._known:
            self._known[at] = Listing({}, self._unreachable, WARN) if self._unreachable else self._asked(*at)
        return self._known[at]

    def license(self, kind: str, name: str) -> str:
        """What the card states, of a repository that was asked about and answered; else ""."""
        return next(
            (
                listing.license
                for (of, repository, _), listing in self._known.items()
                if (of, repository) == (kind, name)
            ),
            "",
        )

    def _asked(self, kind: str, name: str, revision: str) -> Listing:
        import httpx2
        from huggingface_hub import HfApi, constants, errors, hf_hub_url

        page = f"https://huggingface.co/{'datasets/' if kind == 'dataset' else ''}{name}"
        hub, license = HfApi(endpoint=constants.ENDPOINT), ""
        try:
            ask = hub.dataset_info if kind == "dataset" else hub.model_info
            info = ask(name, revision=revision, files_metadata=True, timeout=SECONDS)
            files, license = {file.rfilename: file.size or 0 for file in info.siblings or []}, _license(info.card_data)
            guarded = [path for path in sorted(files) if path not in ("README.md", ".gitattributes")]
            if info.gated and guarded:  # the list is open to all, the files are not
                url = hf_hub_url(name, guarded[0], repo_type=kind, revision=revision, endpoint=constants.ENDPOINT)
                hub.get_hf_file_metadata(url=url, timeout=SECONDS)
            return Listing(files, license=license)
        except errors.GatedRepoError:
            return Listing({}, f"gated, and you have no access: {gate(page)}", FAIL, license)
        except errors.RepositoryNotFoundError:
            return Listing(
                {},
                "does not exist, or is private: check the name; for a private one set HF_TOKEN to a read token",
                FAIL,
            )
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
    """Of a card's metadata; several are told together."""
    if card is None:
        return ""
    stated, named = card.get("license"), card.get("license_name")
    if stated == "other" and named:
        return str(named)
    return ", ".join(map(str, stated)) if isinstance(stated, list) else str(stated or "")


def _to_download(what: str, name: str, files: dict[str, int], kind: str, revision: str) -> Check:
    absent = [path for path in files if not is_cached(name, path, kind, revision)]
    size = sum(files[path] for path in absent)
    if not absent:
        return Check(OK, what, f"{name}: in the hub's cache")
    return Check(OK, what, f"{name}: {amount(size)} to download ({len(absent)} files)", size)
