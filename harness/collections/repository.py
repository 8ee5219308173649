"""A dataset repository on the hub at one commit: its files, its card, and errors that say what to do.

Files come through huggingface_hub's cache. A connection that breaks is taken up again where it broke, by the client, for as long as the command
runs; the next command fetches what is missing by whole files. What is cached is not asked for again (nor is the list of files), so that a second
run works with HF_HUB_OFFLINE=1. Messages never carry what the server or the client said about a request.
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


class Repository:
    """Nothing is fetched before it is asked for. Every method raises CollectionError, in one line."""

    def __init__(self, name: str, revision: str) -> None:
        self.name, self.revision = name, revision

    @cached_property
    def files(self) -> list[str]:
        """All paths of the repository. Fetches the list (once, ever) and the card."""
        import huggingface_hub

        hub = huggingface_hub
        self._asked(
            lambda: hub.snapshot_download(self.name, repo_type="dataset", revision=self.revision, allow_patterns=[CARD])
        )
        files = [
            file.path
            for file in self._asked(
                lambda: hub.get_cached_repo_tree(self.name, repo_type="dataset", revision=self.revision)
            )
        ]
        for path in files:
            if not _stays_inside(path):
                raise CollectionError(
                    f"hub dataset {self.name!r} has a file {path[:80]!r}, which would lie outside of it: choose another dataset"
                )
        return files

    @cached_property
    def card(self) -> dict[str, Any]:
        """What the card says between its two lines of dashes."""
        if CARD not in self.files:
            return {}
        try:
            _, dashes, rest = text(self.fetch(CARD), CARD_BYTES).partition("---\n")
            content = yaml_data.load(rest.partition("\n---")[0]) if dashes else None
        except (OversizedError, UnicodeDecodeError, yaml_data.YamlError):
            raise CollectionError(
                f"hub dataset {self.name!r}: the head of its {CARD} is no YAML: choose another revision"
            ) from None
        return content if isinstance(content, dict) else {}

    @property
    def script(self) -> str | None:
        """The loading script, if the repository has one: a file of its own name."""
        name = f"{self.name.split('/')[1]}.py"
        return name if name in self.files else None

    def fetch(self, path: str) -> Path:
        """A file of the repository, here."""
        import huggingface_hub

        return Path(
            self._asked(
                lambda: huggingface_hub.hf_hub_download(self.name, path, repo_type="dataset", revision=self.revision)
            )
        )

    def _asked(self, request: Callable[[], _Result]) -> _Result:
        """The answer to a request; its error, if there is one, in our words."""
        import httpx2
        from huggingface_hub import errors

        what = f"hub dataset {self.name!r}"
        page = f"https://huggingface.co/datasets/{self.name}"
        try:
            return request()
        except errors.GatedRepoError:
            raise CollectionError(f"{what} is gated: {gate(page)}") from None
        except errors.RepositoryNotFoundError:
            raise CollectionError(
                f"{what} does not exist, or is private: check its name; for a private one set HF_TOKEN to a read token"
            ) from None
        except errors.RevisionNotFoundError:
            raise CollectionError(
                f"{what} has no commit {self.revision}: copy the revision from {page}/commits/main"
            ) from None
        except (
            errors.LocalEntryNotFoundError,
            errors.CachedRepoTreeNotFoundError,
            errors.IncompleteSnapshotError,
            errors.OfflineModeIsEnabled,
        ):
            if os.environ.get("HF_HUB_OFFLINE"):
                raise CollectionError(
                    f"{what} is not complete in the cache: run the same command once without HF_HUB_OFFLINE"
                ) from None
            raise CollectionError(
                f"{what}: the hub cannot be reached: run the same command again, files that are here are kept"
            ) from None
        except errors.HfHubHTTPError as error:
            status = error.response.status_code
            advice = (
                "HF_TOKEN is not valid: make a new one"
                if status == 401
                else "run the same command again, files that are here are kept"
            )
            raise CollectionError(f"{what}: the hub answers with status {status}: {advice}") from None
        except ValueError:  # of names and paths that the client refuses; it says them with whole addresses
            raise CollectionError(f"{what} cannot be asked for as it is written: check its name and revision") from None
        except (httpx2.HTTPError, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
            raise CollectionError(
                f"{what}: the download broke off ({reason}): run the same command again, files that are here are kept"
            ) from None


def _stays_inside(path: str) -> bool:
    """Whether a path, joined to a folder on any system, lies in that folder."""
    return (
        not path.startswith("/") and not {"..", "", "."} & set(path.split("/")) and not any(c in path for c in "\\:\0")
    )
