"""Read a dataset repository of the hub at one commit: its files, its card, and errors that say what to do.

Files come through huggingface_hub's cache. While the command runs, the client resumes a broken transfer where it broke
off; the next command fetches only the missing files, each from its start. Cached files and the cached list of files are
never requested again, so that a second run works with HF_HUB_OFFLINE=1. Messages never repeat what the server or the
client said about a request, as that may contain a token.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from harness.collections.collection import CollectionError
from harness.files import yaml_data
from harness.files.bounded import OversizedError, text
from harness.hub.gated import gate

_Result = TypeVar("_Result")
CARD = "README.md"
CARD_BYTES = 4 << 20  # the longest cards are tables of thousands of configs
_AGAIN = "run the same command again, files that are here are kept"


class Repository:
    """A repository whose files are fetched on first use. Every method raises CollectionError, in one line."""

    def __init__(self, name: str, revision: str) -> None:
        self.name, self.revision = name, revision
        self._options: dict[str, Any] = {"repo_type": "dataset", "revision": revision}

    @cached_property
    def files(self) -> list[str]:
        """All paths of the repository. The first use fetches the list, which stays cached, and the card."""
        import huggingface_hub as hub

        self._query_hub(lambda: hub.snapshot_download(self.name, allow_patterns=[CARD], **self._options))
        tree = self._query_hub(lambda: hub.get_cached_repo_tree(self.name, **self._options))
        paths = [file.path for file in tree]
        for path in paths:
            if not _stays_inside(path):
                problem = f"has a file {path[:80]!r}, which would lie outside of it"
                raise CollectionError(f"hub dataset {self.name!r} {problem}: choose another dataset")
        return paths

    @cached_property
    def card(self) -> dict[str, Any]:
        """The YAML head of the card, empty if there is none."""
        if CARD not in self.files:
            return {}
        try:
            _, dashes, rest = text(self.fetch(CARD), CARD_BYTES).partition("---\n")
            content = yaml_data.load(rest.partition("\n---")[0]) if dashes else None
        except (OversizedError, UnicodeDecodeError, yaml_data.YamlError):
            problem = f"the head of its {CARD} is not YAML"
            raise CollectionError(f"hub dataset {self.name!r}: {problem}: choose another revision") from None
        return content if isinstance(content, dict) else {}

    @property
    def script(self) -> str | None:
        """The name of the loading script (a file named like the repository), None without one."""
        name = f"{self.name.split('/')[1]}.py"
        return name if name in self.files else None

    def fetch(self, path: str) -> Path:
        """Return the local copy of a file, downloaded if it is not cached."""
        import huggingface_hub as hub

        return Path(self._query_hub(lambda: hub.hf_hub_download(self.name, path, **self._options)))

    def _query_hub(self, request: Callable[[], _Result]) -> _Result:
        """Return the answer to a request; turn its error into a CollectionError."""
        import httpx2
        from huggingface_hub import errors

        page = f"https://huggingface.co/datasets/{self.name}"
        try:
            return request()
        except errors.GatedRepoError:
            problem = f" is gated: {gate(page)}"
        except errors.RepositoryNotFoundError:
            problem = " does not exist, or is private: check its name; for a private one set HF_TOKEN to a read token"
        except errors.RevisionNotFoundError:
            problem = f" has no commit {self.revision}: copy the revision from {page}/commits/main"
        except (
            errors.LocalEntryNotFoundError,
            errors.CachedRepoTreeNotFoundError,
            errors.IncompleteSnapshotError,
            errors.OfflineModeIsEnabled,
        ):
            problem = f": the hub cannot be reached: {_AGAIN}"
            if os.environ.get("HF_HUB_OFFLINE"):
                problem = " is not complete in the cache: run the same command once without HF_HUB_OFFLINE"
        except errors.HfHubHTTPError as error:
            status = error.response.status_code
            advice = "HF_TOKEN is not valid: make a new one" if status == 401 else _AGAIN
            problem = f": the hub answers with status {status}: {advice}"
        except ValueError:  # the client refuses the name or path, and repeats whole addresses in its message
            problem = " has a name or revision that the hub's client refuses: check both"
        except (httpx2.HTTPError, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
            problem = f": the download broke off ({reason}): {_AGAIN}"
        raise CollectionError(f"hub dataset {self.name!r}{problem}")


def _stays_inside(path: str) -> bool:
    """Return whether a path, joined to a folder on any system, lies in that folder."""
    parts = set(path.split("/"))
    return not path.startswith("/") and not {"..", "", "."} & parts and not any(c in path for c in "\\:\0")
