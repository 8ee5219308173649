"""Whether a grid's models and collections can be had: already here, or on the hub at that revision, with access, and of which size.

The hub is asked for lists of files and for one header, never for weights; each repository once. Messages never carry what it said about a request.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

OK, WARN, FAIL = "ok", "warn", "FAIL"
TOKENIZER, WHOLE, HEAD, CODE = "tokenizer", "whole", "head", "code"  # what is read of a model: HEAD is BGE-M3's, CODE its repository's own
SECONDS = 10  # to wait for an answer of the hub
_WEIGHTS = re.compile(r"model(-\d+-of-\d+)?\.safetensors(\.index\.json)?")
_TOKENIZER = re.compile(r"(tokenizer\.json|vocab\.(txt|json)|.*\.(model|spm))")
_SETTINGS = re.compile(r"(.*\.(json|model|spm)|vocab\.txt|merges\.txt|query_token_weights\.txt)")
_HEAD = re.compile(r"sparse_linear\.(safetensors|pt)")
_OF_CODE = re.compile(r".*\.(py|bin|safetensors)")
_EXPORTS = ("onnx", "openvino")  # the same weights for other libraries: not downloaded


@dataclass(frozen=True)
class Check:
    """One line of the report: its mark, what was looked at, what was found, and the bytes that are still to be downloaded."""

    mark: str
    what: str
    text: str
    download: int = 0


@dataclass(frozen=True)
class Listing:
    """What the hub says of a repository: path -> bytes, and the licence its card states ("" for none). `problem` says why there are no files; `mark`
    how bad that is."""

    files: dict[str, int]
    problem: str = ""
    mark: str = OK
    licence: str = ""


class HubAccess:
    """Asks the hub about repositories, each once. After one attempt that reaches no hub, nothing more is tried."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], Listing] = {}
        self._unreachable = ""

    def model(self, name: str, revision: str, parts: AbstractSet[str]) -> Check:
        """parts: what is read of it, of TOKENIZER, WHOLE, HEAD, CODE."""
        what = "model" if WHOLE in parts else "tokenizer"
        if _model_is_cached(name, revision, parts):
            return Check(OK, what, f"{name}: in the hub's cache")
        listing = self.listing("model", name, revision)
        if listing.problem:
            return Check(listing.mark, what, f"{name}: {listing.problem}")
        wanted = model_files(listing.files, parts)
        if WHOLE in parts and CODE not in parts and not any(_WEIGHTS.fullmatch(path.rsplit("/", 1)[-1]) for path in wanted):
            return Check(FAIL, what, f"{name}: no model.safetensors at {revision[:12]}, and pickled weights are not loaded; pin a later revision")
        if HEAD in parts and not any(_HEAD.fullmatch(path) for path in wanted):
            return Check(FAIL, what, f"{name}: no sparse_linear.pt at {revision[:12]}, so it is not of kind bge-m3; pin another revision")
        if not any(_TOKENIZER.fullmatch(path.rsplit("/", 1)[-1]) for path in wanted):
            return Check(FAIL, what, f"{name}: no tokenizer at {revision[:12]}; pin another revision")
        return _to_download(what, name, {path: listing.files[path] for path in wanted}, "model", revision)

    def dataset(self, what: str, parameters: Sequence[dict[str, Any]]) -> Check:
        """A collection in some languages, by the parameters of its stage."""
        from harness.collections.collection import CollectionError
        from harness.collections.layout import LAYOUTS

        pinned = {(given["hub"], given["revision"]) for given in parameters}
        pinned |= {(given["judgements"]["hub"], given["judgements"]["revision"]) for given in parameters if given.get("judgements")}
        names = ", ".join(sorted(name for name, _ in pinned))
        listings = {name: self.listing("dataset", name, revision) for name, revision in sorted(pinned)}
        refused = next((listing for listing in listings.values() if listing.mark == FAIL), None)
        if refused is not None:
            return Check(FAIL, what, f"{names}: {refused.problem}")
        unasked = next((listing for listing in listings.values() if listing.problem), None)
        if unasked is not None and not all(_is_cached(name, "README.md", "dataset", revision) for name, revision in pinned):
            return Check(WARN, what, f"{names}: {unasked.problem}")
        try:
            layouts = [LAYOUTS[given["kind"]](given) for given in parameters]
        except CollectionError as error:
            return Check(FAIL if unasked is None else WARN, what, str(error))
        files = {file for layout in layouts for part in (layout.corpus, layout.queries, layout.test, layout.train) for file in part}
        wanted = {(file.repository.name, file.repository.revision, file.path) for file in files}
        absent = [one for one in wanted if not _is_cached(one[0], one[2], "dataset", one[1])]
        if not absent:
            return Check(OK, what, f"{names}: in the hub's cache")
        if unasked is not None:
            return Check(WARN, what, f"{names}: {unasked.problem}; {len(absent)} of {len(wanted)} files are not in the hub's cache")
        size = sum(listings[name].files.get(path, 0) for name, _, path in absent)
        return Check(OK, what, f"{names}: {amount(size)} to download ({len(absent)} files)", size)

    def listing(self, kind: str, name: str, revision: str) -> Listing:
        """kind: model, dataset."""
        at = (kind, name, revision)
        if at not in self._known:
            self._known[at] = Listing({}, self._unreachable, WARN) if self._unreachable else self._asked(*at)
        return self._known[at]

    def licence(self, kind: str, name: str) -> str:
        """What the card states, of a repository that was asked about and answered; else ""."""
        return next((listing.licence for (of, repository, _), listing in self._known.items() if (of, repository) == (kind, name)), "")

    def _asked(self, kind: str, name: str, revision: str) -> Listing:
        import httpx2
        from huggingface_hub import HfApi, constants, errors, hf_hub_url

        page = f"https://huggingface.co/{'datasets/' if kind == 'dataset' else ''}{name}"
        hub, licence = HfApi(endpoint=constants.ENDPOINT), ""
        try:
            ask = hub.dataset_info if kind == "dataset" else hub.model_info
            info = ask(name, revision=revision, files_metadata=True, timeout=SECONDS)
            files, licence = {file.rfilename: file.size or 0 for file in info.siblings or []}, _licence(info.card_data)
            guarded = [path for path in sorted(files) if path not in ("README.md", ".gitattributes")]
            if info.gated and guarded:  # the list is open to all, the files are not
                url = hf_hub_url(name, guarded[0], repo_type=kind, revision=revision, endpoint=constants.ENDPOINT)
                hub.get_hf_file_metadata(url=url, timeout=SECONDS)
            return Listing(files, licence=licence)
        except errors.GatedRepoError:
            return Listing({}, f"gated, and you have no access: {gate(page)}", FAIL, licence)
        except errors.RepositoryNotFoundError:
            return Listing({}, "does not exist, or is private: check the name; for a private one set HF_TOKEN to a read token", FAIL)
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


def _licence(card: Any) -> str:
    """Of a card's metadata; several are told together."""
    if card is None:
        return ""
    stated, named = card.get("license"), card.get("license_name")
    if stated == "other" and named:
        return str(named)
    return ", ".join(map(str, stated)) if isinstance(stated, list) else str(stated or "")


def gate(page: str) -> str:
    """What opens a gated repository."""
    if os.environ.get("HF_TOKEN"):
        return f"open {page} and accept its conditions with the account that HF_TOKEN belongs to"
    return f"open {page}, log in and accept its conditions, then set HF_TOKEN to a read token of that account"


def model_files(files: Iterable[str], parts: AbstractSet[str]) -> list[str]:
    """Of a model's files those that loading it downloads: settings, tokenizer and, if it is read WHOLE, model.safetensors, whole or in parts; the
    head of HEAD; of a model that is CODE all modules and weights, for what it loads is its own choice."""
    paths = [path for path in sorted(files) if not path.startswith(".") and path.split("/")[0] not in _EXPORTS]
    found = []
    for path in paths:
        folder, name = path.rpartition("/")[::2]
        if (CODE in parts and _OF_CODE.fullmatch(name)) or (HEAD in parts and _HEAD.fullmatch(path)):
            found.append(path)
        elif _WEIGHTS.fullmatch(name):
            whole = f"{folder}/model.safetensors".lstrip("/")
            if WHOLE in parts and (path == whole or whole not in paths):
                found.append(path)
        elif _SETTINGS.fullmatch(name):
            found.append(path)
    return found


def amount(size: float) -> str:
    """1234567 -> "1.2 MB"."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def _to_download(what: str, name: str, files: dict[str, int], kind: str, revision: str) -> Check:
    absent = [path for path in files if not _is_cached(name, path, kind, revision)]
    size = sum(files[path] for path in absent)
    if not absent:
        return Check(OK, what, f"{name}: in the hub's cache")
    return Check(OK, what, f"{name}: {amount(size)} to download ({len(absent)} files)", size)


def _model_is_cached(name: str, revision: str, parts: AbstractSet[str]) -> bool:
    """Whether its configuration, its tokenizer and what else is read of it are in the cache. Asks no hub."""
    found_one = (cached(name, file, "model", revision) for file in ("config.json", "router_config.json"))  # a Router's own lie in its parts' folders
    config = next(filter(None, found_one), None)
    if config is None:
        return False
    from pathlib import Path

    folder = Path(config).parent
    here = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    found = model_files(here, parts)
    if not any(_TOKENIZER.fullmatch(path.rsplit("/", 1)[-1]) for path in found):
        return False
    if HEAD in parts and not any(_HEAD.fullmatch(path) for path in found):
        return False
    if CODE in parts:
        return any(path.endswith(".py") for path in found) and any(path.endswith((".bin", ".safetensors")) for path in found)
    return WHOLE not in parts or any(path.endswith("model.safetensors") for path in found) or _all_parts(found)


def _all_parts(paths: Iterable[str]) -> bool:
    """Whether model-00001-of-00003.safetensors comes with the two others."""
    totals = [int(match[1]) for path in paths if (match := re.search(r"-of-(\d+)\.safetensors$", path))]
    return bool(totals) and len(totals) == totals[0]


def _is_cached(name: str, path: str, kind: str, revision: str) -> bool:
    return cached(name, path, kind, revision) is not None


def cached(name: str, path: str, kind: str, revision: str) -> str | None:
    """Where the hub's cache has a file of a repository. Asks no hub."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(name, path, repo_type=kind, revision=revision)
    return found if isinstance(found, str) else None
