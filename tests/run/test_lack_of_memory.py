"""A worker runs out of memory: the whole command, Ray's own processes, an allocation that the system refuses."""

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.collections import beir
from harness.evaluation.measurement import MEASUREMENT
from harness.plan.load_preset import load_preset
from harness.plan.plan import plan
from harness.store.store import Store
from tests.helpers.own_data_made import TOPICS
from tests.helpers.paths import ROOT

pytestmark = pytest.mark.slow

# Dimensions of the encoder's feed-forward layer. With the 8192 tokens of a batch it takes 128 MiB, and as much again
# when activated.
WIDE = 4096
SPARE = 96 * 2**20  # bytes: less than that, more than the two layers of a quarter of the tokens

SMALL_MACHINE = f"""
import sys
from pathlib import Path


class WhenEncodingBegins:
    def find_spec(self, name, path=None, target=None):
        if name == "sembridge.search.encode":
            from torch.nn import Embedding
            from torch.nn.modules.module import register_module_forward_pre_hook

            register_module_forward_pre_hook(lambda module, args: limit() if isinstance(module, Embedding) else None)


def limit():
    # All that was loaded stays, and {SPARE} bytes are left, once for the life of this process.
    import resource

    if resource.getrlimit(resource.RLIMIT_DATA)[0] == resource.RLIM_INFINITY:
        status = Path("/proc/self/status").read_text().splitlines()
        used = next(int(line.split()[1]) for line in status if line.startswith("VmData:"))
        resource.setrlimit(resource.RLIMIT_DATA, (used * 1024 + {SPARE}, resource.RLIM_INFINITY))


if any(argument.endswith("default_worker.py") for argument in sys.orig_argv):
    sys.meta_path.insert(0, WhenEncodingBegins())
"""


@pytest.fixture
def data(own_data, tmp_path):
    """Own data whose encoder takes much memory for little work, and texts of more than one batch."""
    from transformers import AutoConfig, AutoModelForMaskedLM

    folder = Path(shutil.copytree(own_data, tmp_path / "data"))
    config = AutoConfig.from_pretrained(folder / "source", intermediate_size=WIDE)
    AutoModelForMaskedLM.from_config(config).save_pretrained(folder / "source")
    words = list(itertools.islice(itertools.cycle(TOPICS), 300))
    documents = [(f"d{i:03d}", "", " ".join(words[i % 53 : i % 53 + 40])) for i in range(300)]
    queries = [(f"q{i}", words[i]) for i in range(12)]
    beir.write(folder / "collections" / "en", documents, queries, [(f"q{i}", f"d{i:03d}", 1) for i in range(12)])
    return folder


@pytest.mark.skipif(
    not Path("/proc/self/status").is_file(), reason="the limit is counted from what Linux tells of a process"
)
def test_a_cell_that_runs_out_of_memory_comes_back_with_smaller_batches(data, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(SMALL_MACHINE)
    command = [sys.executable, str(ROOT / "experiments" / "run_grid.py"), "--preset", "own-data"]
    command += ["--set", f"data={data}"]
    command += ["--languages", "en", "--initializers", "base", "--regimes", "zero-shot"]
    command += ["--store", str(tmp_path / "store"), "--results", str(tmp_path / "results")]
    paths = os.pathsep.join(filter(None, [str(tmp_path / "site"), os.environ.get("PYTHONPATH")]))
    # Freed memory returns to the system at once, so that what is left is known to the byte.
    thresholds = dict.fromkeys(("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"), str(2**17))
    environment = os.environ | {"PYTHONPATH": paths} | thresholds
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    log = (tmp_path / "results" / "run.log").read_text(encoding="utf-8")
    assert done.returncode == 0, done.stderr + log
    failure = r"attempt 1 of 3 failed: out of memory \(.*allocate.*\); trying again with batches 4 times smaller\n"
    assert re.search(f"base_zero-shot_s42: {failure}", log)
    assert log.count(" failed: ") == 1 and "[1/1 cells] computed en_source_own_base_zero-shot_s42: nDCG@10 " in log

    choices = {"languages": ["en"], "initializers": ["base"], "regimes": ["zero-shot"]}
    (cell,) = plan(load_preset("own-data", ROOT / "experiments" / "presets", [f"data={data}"], choices))
    undisturbed = Store(tmp_path / "undisturbed")
    undisturbed.create()
    undisturbed.make(cell.artifact)
    folders = [store.path(cell.artifact) for store in (Store(tmp_path / "store"), undisturbed)]
    small, usual = (json.loads((folder / MEASUREMENT).read_text(encoding="utf-8")) for folder in folders)
    assert (small["about"], usual["about"]) == ({"batches_divided": 4}, {})
    assert small["scores"] == pytest.approx(usual["scores"], abs=1e-3) and small["scores"]["ndcg@10"] > 0
