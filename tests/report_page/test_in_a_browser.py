"""The page in a real browser: nothing from outside, nothing to complain of, and no label over another."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from harness.report_page.page import write_page
from harness.report_page.store_files import StoreFiles
from tests.helpers.browser import CHROMIUM, QUIET, WITHOUT, browser
from tests.helpers.results_made import record_of, results_of

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason=WITHOUT)]
OF_THE_BROWSER = "not an origin"  # who asks for what no page asks for
TEXTS = {
    "ar": "كم يومًا أنتظر؟", "hi": "मुझे कितने दिन इंतज़ार करना होगा?", "ko": "며칠을 기다려야 하나요?",
    "ru": "Сколько дней мне ждать?", "zh": "我要等几天?",
}  # fmt: skip
LABELS = [
    "한국어 방법",
    "العربية",
    "हिन्दी",
    "中文方法",
    "русский",
    "ofa (bridge vectors, multilingual-e5-large, α=16)",
    "x",
]
MEASURE = """
<pre id="measured"></pre><script>
const problems = [], inside = (a, b) => a.left >= b.left - 1 && a.right <= b.right + 1 && a.top >= b.top - 1 &&
  a.bottom <= b.bottom + 1;
const touch = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 &&
  Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;  // boxes of lines are taller than their letters
for (const svg of document.querySelectorAll("svg")) {
  const box = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll("text")].map(text => [text.textContent, text.getBoundingClientRect()]);
  texts.forEach(([name, own], place) => {
    if (!inside(own, box)) problems.push(`outside of its drawing: ${name}`);
    for (const [other, its] of texts.slice(place + 1)) if (touch(own, its)) problems.push(`${name} over ${other}`);
  });
}
if (document.documentElement.scrollWidth > innerWidth) problems.push("the page is wider than the window");
const count = {svg: document.querySelectorAll("svg").length, text: document.querySelectorAll("svg text").length};
document.getElementById("measured").textContent = JSON.stringify({problems, ...count});
</script>"""


def chromium(folder: Path, page: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Open a page in a browser with a profile of its own."""
    assert CHROMIUM is not None
    command = [CHROMIUM, *QUIET, f"--user-data-dir={folder / 'profile'}", *options, page.as_uri()]
    environment = {**os.environ, "HOME": str(folder)}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=True)


def asked_for(folder: Path, page: Path) -> tuple[list[str], list[str]]:
    """Return what a page asks the network for, and what the browser's console says of it."""
    log = folder / "net.json"
    ended = chromium(folder, page, "--enable-logging=stderr", f"--log-net-log={log}", "--dump-dom")
    content = json.loads(log.read_text(encoding="utf-8"))
    start = content["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    requests = [
        event["params"] for event in content["events"] if event["type"] == start and "url" in event.get("params", {})
    ]
    console = [line for line in ended.stderr.splitlines() if ":CONSOLE" in line]
    return [each["url"] for each in requests if each.get("initiator") != OF_THE_BROWSER], console


def measured(folder: Path, page: Path, width: int) -> dict:
    """Return what a script finds in a page that lets it run."""
    copy = folder / "measured.html"
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text(encoding="utf-8"))
    copy.write_text(text.replace("</body>", f"{MEASURE}</body>"), encoding="utf-8")
    dom = chromium(folder, copy, f"--window-size={width},1000", "--dump-dom").stdout
    found = re.search(r'<pre id="measured">(.*?)</pre>', dom, re.DOTALL)
    assert found is not None
    return json.loads(found[1].replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&"))


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    """Return a page with every kind of plot, names in five scripts, and texts from collections in them."""
    folder = tmp_path_factory.mktemp("page")
    cells = []
    for language in TEXTS:
        for number, label in enumerate([*LABELS, "bm25"]):
            own = [min(1.0, 0.1 + 0.1 * number), 0.31, 0.07 * number]
            name = "bm25" if label == "bm25" else f"m{number}"
            cells.append((record_of(name, language, own, label=label, active=10 + 3 * number), own))
        for alpha in (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 16.0, 0.0):
            own = [0.4, 0.05 * alpha / 2, 0.3]
            cells.append((record_of("sembridge", language, own, alpha=alpha, active=50 + alpha), own))
        for number, label in enumerate(LABELS):
            own = [0.5, 0.1 * number, 0.3]
            record = record_of(f"m{number}", language, own, label=label, regime="fine-tuned")
            curve = [
                {"step": step, "pairs": step, "scores": dict.fromkeys(("ndcg@10", "recall@100", "mrr@10"), step / 2500),
                 "statistics": dict.fromkeys(("query_active", "doc_active", "flops"), 1.0)}
                for step in (0, 250, 500, 750, 1000)
            ]  # fmt: skip
            cells.append((replace(record, provenance={"about": {"curve": curve}}), own))
    places = {}
    for language, text in TEXTS.items():
        place = places["faq", language] = folder / language
        place.mkdir()
        queries = "".join(json.dumps({"_id": f"q0{number}", "text": text}) + "\n" for number in range(3))
        (place / "queries.jsonl").write_text(queries, encoding="utf-8")
        (place / "corpus.jsonl").write_text(json.dumps({"_id": "d", "text": text * 20}) + "\n", encoding="utf-8")
        (place / "qrels.tsv").write_text("".join(f"q0{number}\td\t1\n" for number in range(3)), encoding="utf-8")
    return write_page(results_of(folder, cells), StoreFiles(None, places))


def test_the_page_asks_for_nothing_and_the_browser_has_nothing_to_say(page, tmp_path):
    assert asked_for(tmp_path, page) == ([], [])


def test_a_page_that_asks_would_be_noticed(page, tmp_path):
    text = page.read_text(encoding="utf-8").replace("<h1>", '<img src="http://127.0.0.1:9/x.png"><h1>')
    (tmp_path / "with.html").write_text(text, encoding="utf-8")
    requests, console = asked_for(tmp_path, tmp_path / "with.html")
    assert requests == [] and len(console) == 1 and "violates the following Content Security Policy" in console[0]
    (tmp_path / "without.html").write_text(re.sub(r"<meta http-equiv[^>]*>", "", text), encoding="utf-8")
    assert asked_for(tmp_path, tmp_path / "without.html")[0] == ["http://127.0.0.1:9/x.png"]


@pytest.mark.parametrize("width", [1200, 700])
def test_no_label_is_over_another_or_cut_off(page, tmp_path, width):
    found = measured(tmp_path, page, width)
    assert found["problems"] == [] and found["svg"] == 5 * 5 + 1 and found["text"] > 500


def test_labels_over_each_other_would_be_noticed(page, tmp_path):
    moved = tmp_path / "moved.html"
    text = page.read_text(encoding="utf-8")
    moved.write_text(re.sub(r'(<text [^>]*)x="[\d.]+" y="[\d.]+"', r'\1x="50" y="50"', text), encoding="utf-8")
    assert any(" over " in problem for problem in measured(tmp_path, moved, 1200)["problems"])


def test_it_follows_the_readers_light_and_dark_and_prints_on_white(page, tmp_path):
    colors = {}
    script = "<script>document.title = getComputedStyle(document.body).backgroundColor</script></body>"
    text = re.sub(r"<meta http-equiv[^>]*>", "", page.read_text(encoding="utf-8")).replace("</body>", script)
    (tmp_path / "asked.html").write_text(text, encoding="utf-8")
    for name, value in (("dark", 0), ("light", 1)):
        option = f"--blink-settings=preferredColorScheme={value}"
        dom = chromium(tmp_path, tmp_path / "asked.html", option, "--dump-dom").stdout
        colors[name] = re.search(r"<title>(.*?)</title>", dom)[1]
    assert colors == {"dark": "rgb(20, 24, 29)", "light": "rgb(255, 255, 255)"}
    chromium(tmp_path, page, f"--print-to-pdf={tmp_path / 'page.pdf'}")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF-")


@pytest.mark.parametrize("dark", [False, True])
def test_no_complaint_and_nothing_beside_the_window(page, tmp_path, dark):
    with browser(tmp_path) as opened:
        for width in (360, 1600):
            opened.show(page.as_uri(), width, dark)
            assert not opened.too_wide(), width
        assert opened.complaints == []
