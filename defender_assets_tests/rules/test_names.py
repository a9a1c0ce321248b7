"""One public name means one thing: an import says which, wherever it stands."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from .places import MODULES, PACKAGE

ALLOWED = {
    "main": "where a program starts; never imported by another room",
    "explain": "the verb of the command line is named as the function of the package that does the same",
    "query": "the verb of the command line is named as the function that it runs",
    "tables": "the verb of the command line is named as the function of the package that does the same",
}


def public_names(module: Path) -> Iterator[str]:
    """Functions, classes, constants and type aliases that the module defines itself."""
    for statement in ast.parse(module.read_text(encoding="utf-8")).body:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names = [name]
            case ast.Assign(targets=targets):
                found = (node for target in targets for node in ast.walk(target) if isinstance(node, ast.Name))
                names = [node.id for node in found]
            case ast.AnnAssign(target=ast.Name(id=name)):
                names = [name]
            case _:
                names = []
        yield from (name for name in names if not name.startswith("_"))


def shared_names() -> dict[str, list[str]]:
    """Names that several modules define, with those modules."""
    places: dict[str, list[str]] = defaultdict(list)
    for module in MODULES:
        for name in sorted(set(public_names(module))):
            places[name].append(str(module.relative_to(PACKAGE)))
    return {name: modules for name, modules in places.items() if len(modules) > 1}


def test_a_public_name_is_defined_in_one_module():
    shared = shared_names()
    assert {name: modules for name, modules in shared.items() if name not in ALLOWED} == {}
    assert set(ALLOWED) <= set(shared), "an exception that is needed no more"
