"""The house itself: versions, commands, what an import costs, and that every public name is documented."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest

import nazad as nz

ROOT = Path(__file__).parents[1]
HEAVY = ["llvmlite", "matplotlib", "pandas", "pyarrow", "rich", "scipy", "sklearn", "sympy"]
PUBLIC = sorted(getattr(nz, "__all__", []))


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def python(program: str) -> str:
    """What a program prints in an interpreter of its own."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def between_markers(text: str, name: str) -> str:
    block = re.search(f"<!-- {name}: begin -->\n```sh\n(.*?)\n```\n<!-- {name}: end -->", text, re.DOTALL)
    assert block, f"README.md has no command between the markers of {name!r}"
    return block[1]


def test_version_is_stated_once():
    declared = tomllib.loads(read("pyproject.toml"))["project"]["version"]
    assert version("nazad") == declared
    assert f"\nversion: {declared}\n" in read("CITATION.cff")
    if hasattr(nz, "__version__"):
        assert nz.__version__ == declared


def test_readme_commands_start_from_nothing():
    for name in ("demo", "test"):
        command = between_markers(read("README.md"), name)
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install ")
        assert "\n" not in command
    assert between_markers(read("README.md"), "test").endswith(".venv/bin/pytest -n auto")


def test_ci_runs_the_readme_command_and_no_copy_of_it():
    script = read(".ci/run")
    assert "<!-- test: begin -->" in script
    assert "README.md" in script
    assert not re.search(r"pip\S* install .*\[test\]", script)


def test_import_brings_nothing_heavy():
    program = f"import sys, nazad; print(*(m for m in {HEAVY} if m in sys.modules))"
    assert python(program) == ""


def test_public_names_survive_the_import_of_submodules():
    """``nazad.trace`` is a package and ``nz.trace`` a function: the function must win."""
    program = """
import contextlib, importlib, pkgutil, nazad
before = {name: getattr(nazad, name) for name in getattr(nazad, "__all__", [])}
for module in pkgutil.walk_packages(nazad.__path__, "nazad."):
    if not module.name.endswith("__main__"):
        with contextlib.suppress(ImportError):  # an extra that is not installed
            importlib.import_module(module.name)
print(*(name for name, value in before.items() if getattr(nazad, name) is not value))
"""
    assert python(program) == ""


@pytest.mark.parametrize("name", PUBLIC)
def test_public_name_is_documented(name):
    value = getattr(nz, name)
    if isinstance(value, ModuleType) or name.startswith("__"):
        return
    assert (value.__doc__ or "").strip(), f"nz.{name} has no docstring"
    assert re.search(rf"^   {name}$", read("docs/reference/index.rst"), re.MULTILINE), (
        f"nz.{name} is not in docs/reference/index.rst"
    )


def test_every_link_of_the_markdown_files_leads_somewhere():
    for file in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)\s#]+)", file.read_text(encoding="utf-8")):
            assert (file.parent / target).exists(), f"{file.name} links to {target}"
