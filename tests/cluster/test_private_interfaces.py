"""What we use of Ray that is not public: one file for each, and a failure here when an upgrade of Ray moves one."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import harness
from harness.run.trial_environment import hand_on_nothing

PRIVATE = {
    "cluster/draining.py": "ray._private.state.state",
    "run/trial_environment.py": "ray.tune.execution.class_cache",
    "training/worker_group.py": "ray.train.torch.config._TorchBackend",
}
PUBLIC = ("ray", "ray.train", "ray.train.torch", "ray.tune", "ray.util", "ray.util.scheduling_strategies")


def imports(file: Path) -> set[str]:
    """Return what a module imports of Ray, written with dots."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.split(".")[0] == "ray"}


def is_public(name: str) -> bool:
    module, _, last = name.rpartition(".")
    return name in PUBLIC or (module in PUBLIC and not last.startswith("_"))


def test_each_private_interface_is_used_in_one_file():
    root = Path(harness.__file__).parent
    files = {str(file.relative_to(root)): imports(file) for file in root.rglob("*.py")}
    private = {name: [part for part in parts if not is_public(part)] for name, parts in files.items()}
    assert {name: parts for name, parts in private.items() if parts} == {n: [part] for n, part in PRIVATE.items()}


def test_rays_state_lists_the_nodes_that_drain():
    from ray._private.state import state

    assert list(inspect.signature(state.get_draining_nodes).parameters) == []


def test_tune_gives_trials_the_variables_of_two_collections(monkeypatch):
    from ray.tune.execution import class_cache

    monkeypatch.setattr(class_cache, "DEFAULT_ENV_VARS", dict(class_cache.DEFAULT_ENV_VARS))
    monkeypatch.setattr(class_cache, "ENV_VARS_TO_PROPAGATE", set(class_cache.ENV_VARS_TO_PROPAGATE))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    given = []
    monkeypatch.setattr(class_cache.ray, "remote", lambda runtime_env: given.append(runtime_env) or (lambda part: part))
    class_cache._ActorClassCache().get(object)
    assert given[0]["env_vars"]["AWS_SECRET_ACCESS_KEY"] == "secret", "what would happen"
    hand_on_nothing()
    class_cache._ActorClassCache().get(object)
    assert given[1] == {"env_vars": {}}


def test_a_torch_backend_starts_with_the_group_and_its_config():
    from ray.train.torch.config import TorchConfig, _TorchBackend

    assert list(inspect.signature(_TorchBackend.on_start).parameters) == ["self", "worker_group", "backend_config"]
    assert isinstance(TorchConfig.backend_cls, property), "the config no longer chooses its backend by this property"
