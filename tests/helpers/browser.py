"""A small driver of Chromium over the two pipes of --remote-debugging-pipe: no port, and nothing to install."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WITHOUT = "there is no chromium or google-chrome on this machine"
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *(
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ),
)
_START = """import fcntl, os, sys
ends = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3]]
for number, end in zip((3, 4), ends):  # where the browser reads, and where it writes
    os.dup2(end, number)
os.execv(sys.argv[3], sys.argv[3:])
"""
SECONDS = 60.0
"""For an answer of the browser, or for something to come true on a page, on a busy machine."""


class Page:
    """A page of a browser.

    complaints  what the console, the network and the policies of the page said, of the levels warning and error
    """

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers, self._received, self._number = commands, answers, b"", 0
        self._session: str | None = None
        self.complaints: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the result of a command."""
        self._number += 1
        session = {} if self._session is None else {"sessionId": self._session}
        command = {"id": self._number, "method": method, "params": parameters, **session}
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        until = time.monotonic() + SECONDS
        while True:
            message = self._message(until)
            if message.get("id") == self._number:
                assert "error" not in message, message
                return dict(message["result"])
            self._note(message)

    def _message(self, until: float) -> dict[str, Any]:
        while b"\0" not in self._received:
            left = until - time.monotonic()
            assert left > 0 and select.select([self._answers], [], [], left)[0], "the browser does not answer"
            block = os.read(self._answers, 1 << 20)
            assert block, "the browser ended"
            self._received += block
        first, _, self._received = self._received.partition(b"\0")
        return dict(json.loads(first))

    def _note(self, event: dict[str, Any]) -> None:
        about = event.get("params", {})
        if event.get("method") == "Log.entryAdded" and about["entry"]["level"] in ("warning", "error"):
            self.complaints.append(about["entry"]["text"])
        if event.get("method") == "Runtime.consoleAPICalled" and about["type"] in ("warning", "error", "assert"):
            self.complaints.append(" ".join(str(each.get("value")) for each in about["args"]))
        if event.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(about["exceptionDetails"]["text"])

    def value(self, script: str) -> Any:
        """Return what a script gives, a promise's value when it is there."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def until(self, script: str) -> None:
        """Wait until a script gives true."""
        end = time.monotonic() + SECONDS
        while self.value(script) is not True:
            assert time.monotonic() < end, f"did not come true: {script}"
            time.sleep(0.02)

    def show(self, address: str, width: int = 1200, dark: bool = False) -> None:
        """Open an address in a window of this width, for a reader who prefers light or dark."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=address)
        self.until(f"location.href.startsWith({json.dumps(address)}) && document.readyState === 'complete'")

    def click(self, selector: str) -> None:
        """Press and release the mouse in the middle of the first element that a selector finds."""
        place = self.value(
            f"(() => {{ const element = document.querySelector({json.dumps(selector)}); element.scrollIntoView("
            "{block: 'center'}); const box = element.getBoundingClientRect();"
            "return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)

    def too_wide(self) -> bool:
        """Return whether the page is wider than its window."""
        return bool(
            self.value("document.documentElement.scrollWidth > innerWidth || document.body.scrollWidth > innerWidth")
        )


@contextmanager
def browser(folder: Path) -> Iterator[Page]:
    """Start a browser with a profile of its own in a folder, and end it."""
    assert CHROMIUM is not None
    (theirs, commands), (answers, own) = os.pipe(), os.pipe()
    command = [CHROMIUM, *QUIET, "--remote-debugging-pipe", f"--user-data-dir={folder / 'profile'}"]
    start = [sys.executable, "-ISc", _START, str(theirs), str(own), *command]
    silent = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(start, pass_fds=(theirs, own), env={**os.environ, "HOME": str(folder)}, **silent)
    os.close(theirs), os.close(own)
    try:
        page = Page(commands, answers)
        yield page
        with suppress(AssertionError, OSError):
            page._session = None
            page.call("Browser.close")
    finally:
        os.close(commands), os.close(answers)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
