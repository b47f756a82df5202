"""How the code reads, in numbers; `make check` prints them, as information.

What is counted, over `gateway/` without the migrations:

- class names that more than one class or alias of a type has: who looks for a name should be led to
  one thing, and what two modules define in the same words comes to differ;
- private functions (`_name`) that are referred to at one place only, of all functions;
- jumps: how many private functions of its file, and of its class, a reader of one public function
  has to visit, the ones behind those included;
- modules a folder holds, lines of code;
- files in which the name of a variable or function doesn't say what that is: `found`, `one`,
  `told`, `mine`, a variable `known` or `wanted` …
"""

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean

PRODUCT = Path(__file__).parents[1] / "gateway"

#: Names of variables, parameters and functions that say nothing of what they hold or return.
SAYING_NOTHING = frozenset(
    (
        *("found", "one", "each", "told", "thing", "this", "that", "it", "res", "tmp", "stuff"),
        *("mine", "there", "some"),
    )
)
#: Names of variables, parameters and attributes (not of functions) that say what happened to what
#: they hold, not what it is. A field of what becomes JSON keeps its key: a few files are left.
BARE_PARTICIPLES = frozenset(
    (
        *("known", "wanted", "given", "said", "asked", "kept", "named", "shown", "theirs"),
        *("chosen", "seen", "taken", "meant"),
    )
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Module:
    """A file of the product; `functions` has those of classes and of functions as well."""

    path: Path
    tree: ast.Module
    functions: list[Function] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Return the path below the product's folder."""
        return str(self.path.relative_to(PRODUCT))


def modules(folder: Path = PRODUCT) -> list[Module]:
    """Return every module of the product but the migrations."""
    parsed = [
        Module(path, ast.parse(path.read_text()))
        for path in sorted(folder.rglob("*.py"))
        if "versions" not in path.parts
    ]
    for module in parsed:
        module.functions = [
            node
            for node in ast.walk(module.tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
    return parsed


def reused_class_names(of: list[Module]) -> dict[str, list[str]]:
    """Return the names that several classes and types have, each with the modules of those.

    A leading underscore makes no other name of a class: who reads `_Session` thinks of `Session`.
    """
    places: defaultdict[str, list[str]] = defaultdict(list)
    meanings: defaultdict[str, set[str]] = defaultdict(set)
    for module in of:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef):
                name = node.name.lstrip("_")
                places[name].append(module.name)
                meanings[name].add(f"{module.name}:{node.lineno}")
        for name, line in _aliases(module.tree):
            places[name].append(module.name)
            meanings[name].add(f"{module.name}:{line}")
    return {name: places[name] for name, what in sorted(meanings.items()) if len(what) > 1}


def _aliases(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield the names of types that a module defines without a class, and their lines."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name[0].isupper() and not name.isupper() and "_" not in name:
                yield name, node.lineno


def private_used_once(of: list[Module]) -> list[tuple[Module, Function]]:
    """Return the private functions that their module names at one place only."""
    used_once = []
    for module in of:
        references = Counter(_names(module.tree))
        used_once += [
            (module, function)
            for function in module.functions
            if _is_private(function.name) and references[function.name] == 1
        ]
    return used_once


def jumps(module: Module) -> Iterator[tuple[str, int]]:
    """Yield each public function with how many private ones of the file its reader needs."""
    by_name = {
        function.name: set(_names(function))
        for function in module.functions
        if _is_private(function.name)
    }
    for function in module.functions:
        if function.name.startswith("_"):
            continue
        needed: set[str] = set()
        ahead = set(_names(function)) & by_name.keys()
        while ahead:
            needed |= ahead
            ahead = {further for name in ahead for further in by_name[name]} & by_name.keys()
            ahead -= needed
        yield function.name, len(needed)


def saying_nothing(module: Module) -> list[str]:
    """Return the names of variables, parameters and functions that say nothing, one a binding.

    Fields of documents aren't counted: they are keys of JSON, which whoever reads it relies on.
    """
    keys = {
        field.target
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef) and module.name.startswith("documents/")
        for field in node.body
        if isinstance(field, ast.AnnAssign)
    }
    names = []
    for node in ast.walk(module.tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                if name.strip("_") in SAYING_NOTHING:
                    names.append(name)
                continue
            case (
                ast.arg(arg=name)
                | ast.Name(id=name, ctx=ast.Store())
                | ast.Attribute(attr=name, ctx=ast.Store())
            ) if node not in keys:
                if name.strip("_") in SAYING_NOTHING | BARE_PARTICIPLES:
                    names.append(name)
    return names


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def main() -> None:
    """Print the numbers, and by each the places that count most."""
    all_modules = modules()
    functions = sum(len(module.functions) for module in all_modules)
    classes = sum(
        isinstance(node, ast.ClassDef) for module in all_modules for node in ast.walk(module.tree)
    )
    lines = sum(len(module.path.read_text().splitlines()) for module in all_modules)
    print(
        f"{len(all_modules)} modules, {lines:,} lines, {functions:,} functions, {classes} classes"
    )

    reused = reused_class_names(all_modules)
    print(f"class names with more than one meaning: {len(reused)} {' '.join(reused)}")

    once = private_used_once(all_modules)
    by_module = Counter(module.name for module, _ in once).most_common(3)
    most = ", ".join(f"{name} {number}" for name, number in by_module)
    print(f"private functions used once: {len(once)}, {len(once) / functions:.1%} of all ({most})")

    distances = [
        (distance, f"{module.name} {name}")
        for module in all_modules
        for name, distance in jumps(module)
    ]
    distances.sort(reverse=True)
    far = ", ".join(f"{name} {distance}" for distance, name in distances[:3])
    print(
        f"jumps to read a public function: {mean(distance for distance, _ in distances):.2f},"
        f" above 8: {sum(distance > 8 for distance, _ in distances)} ({far})"
    )

    vague = {module.name: bound for module in all_modules if (bound := saying_nothing(module))}
    most_vague = sorted(vague, key=lambda name: (-len(vague[name]), name))[:3]
    examples = ", ".join(f"{name} {len(vague[name])}" for name in most_vague)
    print(
        f"files with names that don't say what they stand for: {len(vague)},"
        f" {len(vague) / len(all_modules):.0%} of all ({examples})"
    )

    folders = Counter(module.path.parent for module in all_modules)
    folder, number = folders.most_common(1)[0]
    print(f"modules in the largest folder: {number} ({folder.relative_to(PRODUCT.parent)})")


if __name__ == "__main__":
    main()
