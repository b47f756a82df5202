"""The sandbox for templates: they can access only their values, and must end soon.

People who write templates are trusted with the words of a mail, but not with the machine: nested
loops, recursive macros and texts that double (`{% set x = x ~ x %}`) would keep a process busy for
hours or use up all its memory. So everything a template does is counted in a `RenderingEffort`: a
step for each part of a loop, filter or call, and the characters it reads and produces. An operation
that could explode by itself (`"x"|center(999999999)`) is checked beforehand.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from itertools import islice
from types import GeneratorType
from typing import Any

from jinja2 import StrictUndefined, nodes, pass_context, pass_eval_context
from jinja2.exceptions import SecurityError
from jinja2.filters import do_join, make_attrgetter
from jinja2.nodes import EvalContext
from jinja2.runtime import Context, markup_join, str_join
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

MOST_STEPS = 50_000  #: Per rendering; a normal mail takes a few dozen.
MOST_MADE = 4_000_000  #: Total characters read and produced per rendering.
MOST_IN_VALUE = 250_000  #: Characters of one value; an item of a list counts as `_ITEM`.
MOST_NESTED = 100  #: Levels of nested expressions or blocks.
MOST_WIDTH = 1_000  #: A number passed to a filter or to a method of a text.
_ITEM = 25
_MOST_BITS = 256  #: Of an integer in a calculation.
_MOST_WORDS = 200  #: Characters of a text passed to a filter besides the one it is applied to.
_LONG_NUMBER = re.compile(r"\d{4}")
#: Filters and methods that take numbers and texts of any size.
_FREE = frozenset(("default", "d", "int", "float", "replace", "join", "format", "attr", "in"))
_SLOW = frozenset(("urlize", "wordwrap"))  #: Filters whose time grows faster than their text.
_MOST_FOR_SLOW = 20_000


class TooCostly(SecurityError):
    """A template would take too long or produce too much; the text says what to change."""


class RenderingEffort:
    """What a rendering may still do."""

    def __init__(self) -> None:
        self._steps, self._made = MOST_STEPS, MOST_MADE

    def spend(self, steps: int, made: int = 0) -> None:
        """Count steps, and characters read or produced; raise `TooCostly`."""
        self._steps -= steps
        self._made -= made
        if self._steps < 0:
            raise TooCostly(f"it takes more than {MOST_STEPS} steps: shorten its loops")
        if self._made < 0:
            raise TooCostly(
                f"it makes more than {MOST_MADE} characters: shorten its loops or texts"
            )


_EFFORT: ContextVar[RenderingEffort | None] = ContextVar("effort", default=None)


@contextmanager
def fresh_budget() -> Iterator[None]:
    """Give everything rendered in the block a fresh budget."""
    token = _EFFORT.set(RenderingEffort())
    try:
        yield
    finally:
        _EFFORT.reset(token)


def spend(steps: int, *values: object) -> None:
    """Count steps and the sizes of values read or produced."""
    effort = _EFFORT.get()
    if effort is not None:
        effort.spend(steps, sum(map(size_of, values)))


def size_of(value: object) -> int:
    """Return a value's size in characters and items; `TooCostly` once there are too many."""
    if isinstance(value, str):
        return _at_most(len(value))
    if isinstance(value, range):
        return _at_most(len(value) * _ITEM)
    if not isinstance(value, list | tuple | set | frozenset | Mapping):
        return 1
    size = _at_most(len(value) * _ITEM)
    items = (*value.keys(), *value.values()) if isinstance(value, Mapping) else value
    for item in items:
        size = _at_most(size + size_of(item))
    return size


def _at_most(size: int) -> int:
    if size > MOST_IN_VALUE:
        raise TooCostly(f"a value of it has more than {MOST_IN_VALUE} characters: make it shorter")
    return size


class TemplateSandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, in which every operation is counted."""

    intercepted_binops = frozenset(("+", "-", "*", "/", "//", "%", "**"))

    def __init__(self, *, autoescape: bool) -> None:
        super().__init__(
            undefined=StrictUndefined,
            autoescape=autoescape,
            keep_trailing_newline=True,
            finalize=_count_output,
            # Nothing is evaluated at compile time, when nothing would be counted.
            optimized=False,
        )
        self.globals["range"] = _bounded_range
        del self.globals["lipsum"]  # A mail has content.
        self.filters = {name: _counting(name, work) for name, work in self.filters.items()}
        self.tests = {name: _counting(name, work) for name, work in self.tests.items()}
        self.filters |= {"join": _join, "_counted_items": _counted_items, "_concat": _concat}
        self.filters |= {"_read": _read, "_steps": _steps}

    def _generate(self, source: nodes.Template, *rest: Any, **options: Any) -> str:
        """Compile a template that counts its operations; a hook documented by Jinja."""
        return super()._generate(_EffortCounter().visit(source), *rest, **options)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Calculate, or join texts and lists, if the result stays small."""
        spend(1, left, right)
        if operator == "%" and isinstance(left, str):
            _check_format(left, _values(right))
        elif operator in ("*", "**") or isinstance(left, int):
            _check_numbers(operator, left, right)
        made = super().call_binop(context, operator, left, right)
        size_of(made)
        return made

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether a template may access an attribute: numbers and octets have none it needs."""
        if isinstance(obj, int | float | bytes) or attr in ("encode", "translate", "maketrans"):
            return False
        return super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """Return a text's `format`, if its fields can't produce much."""
        work = super().wrap_str_format(value)
        if work is None:
            return None
        pattern: str = value.__self__

        @wraps(work)
        def formatted(*args: Any, **kwargs: Any) -> str:
            if re.search(r"\{[^{}]*\{", pattern):  # A width taken from a value.
                raise TooCostly("a field of format() has a field within: write the width itself")
            _check_format(pattern, (*args, *kwargs.values()))
            return work(*args, **kwargs)

        return formatted

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """Call a macro or a method of a text."""
        # Named as in Jinja, so that these names don't clash with keywords in a template's call.
        owner = getattr(__obj, "__self__", None)
        spend(1, owner, *args, *kwargs.values())
        if isinstance(owner, str):
            _check_method(owner, __obj.__name__, args, kwargs)
        made = _as_list(super().call(__context, __obj, *args, **kwargs))
        spend(1, made)
        return made


class _EffortCounter(NodeTransformer):
    """Rewrites a template so that its loops, macros and growing texts are counted.

    Its methods have the names Jinja looks for.
    """

    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802
        """Count the iterations of a loop, each with its body."""
        if node.recursive:  # Its recursive calls aren't visible here.
            self._insert_count(node)
            return node
        weight = _counts(node.body)
        self.generic_visit(node)
        node.iter = _filter(node.iter, "_counted_items", *weight)
        return node

    def visit_Macro(self, node: nodes.Macro) -> nodes.Macro:  # noqa: N802
        """Count the body of a macro each time it is called."""
        self._insert_count(node)
        return node

    def visit_CallBlock(self, node: nodes.CallBlock) -> nodes.CallBlock:  # noqa: N802
        """Count the block of a call each time it is called."""
        self._insert_count(node)
        return node

    def _insert_count(self, node: nodes.For | nodes.Macro | nodes.CallBlock) -> None:
        steps, literal = _counts(node.body)
        self.generic_visit(node)
        counted = _filter(nodes.Const("", lineno=node.lineno), "_steps", steps, literal)
        node.body.insert(0, nodes.Output([counted], lineno=node.lineno))

    def visit_Concat(self, node: nodes.Concat) -> nodes.Expr:  # noqa: N802
        """Check the sizes of texts before `~` joins them."""
        self.generic_visit(node)
        return _filter(nodes.List(node.nodes, lineno=node.lineno), "_concat")

    def visit_Compare(self, node: nodes.Compare) -> nodes.Compare:  # noqa: N802
        """Count what is compared or searched."""
        self.generic_visit(node)
        node.expr = _filter(node.expr, "_read")
        for operand in node.ops:
            operand.expr = _filter(operand.expr, "_read")
        return node

    def visit_AssignBlock(self, node: nodes.AssignBlock) -> nodes.AssignBlock:  # noqa: N802
        """Check the size of a text that a block assigns to a name."""
        self.generic_visit(node)
        node.filter = _filter(node.filter, "_read", lineno=node.lineno)
        return node


def _filter(node: Any, name: str, *numbers: int, lineno: int = 0) -> nodes.Filter:
    line = lineno or node.lineno
    arguments: list[nodes.Expr] = [nodes.Const(number, lineno=line) for number in numbers]
    return nodes.Filter(node, name, arguments, [], None, None, lineno=line)


def _counts(body: Iterable[nodes.Node]) -> tuple[int, int]:
    """Return how many nodes a body has, and how many literal characters."""
    steps, literal = 1, 0
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        steps += 1
        if isinstance(node, nodes.TemplateData):
            literal += len(node.data)
        waiting += node.iter_child_nodes()
    return steps, literal


def check_nesting(tree: nodes.Node) -> None:
    """Raise `TooCostly` if a template is nested too deeply to be compiled."""
    level: list[nodes.Node] = [tree]
    for _ in range(MOST_NESTED):
        level = [child for node in level for child in node.iter_child_nodes()]
    if level:
        raise TooCostly(f"nested deeper than {MOST_NESTED} levels: write it in shorter parts")


@pass_context
def _count_output(context: Context, value: object) -> object:  # noqa: ARG001
    """Count the output of `{{ … }}`. Taking the context keeps Jinja from evaluating it early."""
    spend(1, value)
    return value


def _bounded_range(*bounds: int) -> range:
    numbers = range(*bounds)
    most = MOST_IN_VALUE // _ITEM
    if len(numbers) > most:
        raise TooCostly(f"range() has more than {most} numbers: shorten its loops")
    return numbers


def _counted_items(items: Any, steps: int, literal: int) -> Any:
    """Count the iterations of a loop, and return what it iterates over."""
    if not isinstance(items, Sized):
        items = list(islice(items, MOST_STEPS + 1))
    rounds = len(items)
    effort = _EFFORT.get()
    if effort is not None:
        effort.spend(1 + rounds * steps, rounds * literal)
    return items


@pass_eval_context
def _concat(eval_ctx: EvalContext, parts: Sequence[Any]) -> str:
    spend(1, parts)
    return markup_join(parts) if eval_ctx.autoescape else str_join(parts)


def _read(value: Any) -> Any:
    spend(1, value)
    return value


def _steps(value: Any, steps: int, literal: int) -> Any:
    effort = _EFFORT.get()
    if effort is not None:
        effort.spend(steps, literal)
    return value


@pass_eval_context
def _join(
    eval_ctx: EvalContext, value: Iterable[Any], d: str = "", attribute: str | int | None = None
) -> str:
    """Join like Jinja's `join`, but check the total size first."""
    items = list(islice(value, MOST_STEPS + 1))
    if attribute is not None:
        items = list(map(make_attrgetter(eval_ctx.environment, attribute), items))
    spend(1 + len(items), items)
    _at_most(len(items) * len(str(d)))
    made: str = do_join(eval_ctx, items, d)
    spend(0, made)
    return made


def _counting(name: str, work: Any) -> Any:
    """Return a filter or test that counts what it reads and produces."""
    skipped = 1 if hasattr(work, "jinja_pass_arg") else 0

    @wraps(work)
    def counted(*args: Any, **kwargs: Any) -> Any:
        subject, *arguments = (*args[skipped:], *kwargs.values()) or ("",)
        spend(1, subject, *arguments)
        _check_filter(name, subject, arguments)
        made = _as_list(work(*args, **kwargs))
        spend(1, made)
        return made

    return counted


def _as_list(made: Any) -> Any:
    """Return an iterator's items as a list, so that it is counted now."""
    return list(islice(made, MOST_STEPS + 1)) if isinstance(made, GeneratorType) else made


def _check_filter(name: str, subject: object, arguments: Sequence[object]) -> None:
    if name in _SLOW and size_of(subject) > _MOST_FOR_SLOW:
        raise TooCostly(f"{name} is for texts of {_MOST_FOR_SLOW} characters at most")
    if name not in _FREE:
        _check_given(f"|{name}", arguments)
    if not isinstance(subject, str):
        return
    if name == "format":
        _check_format(subject, arguments)
    elif name == "replace":
        _check_replaced(subject, arguments)
    elif name == "indent":
        _at_most(
            (subject.count("\n") + 1) * max([4, *_numbers(arguments), *map(len, _texts(arguments))])
        )


def _check_method(
    subject: str, name: str, args: Sequence[Any], kwargs: Mapping[str, object]
) -> None:
    arguments = (*args, *kwargs.values())
    if name == "join" and args:
        _at_most(size_of(args[0]) * (1 + len(subject)))
    elif name == "replace":
        _check_replaced(subject, arguments)
    elif name not in ("format", "format_map"):  # `wrap_str_format` checks these.
        _check_given(f".{name}()", arguments)
    if name == "expandtabs":
        _at_most(subject.count("\t") * max([8, *_numbers(arguments)]))


def _check_given(what: str, arguments: Iterable[object]) -> None:
    for number in _numbers(arguments):
        if number > MOST_WIDTH:
            raise TooCostly(f"{what} takes numbers up to {MOST_WIDTH}")
    for text in _texts(arguments):
        if len(text) > _MOST_WORDS:
            raise TooCostly(f"{what} takes texts of {_MOST_WORDS} characters at most")


def _check_replaced(subject: str, arguments: Sequence[object]) -> None:
    if len(arguments) > 1:
        old, new = str(arguments[0]), str(arguments[1])
        _at_most(len(subject) + subject.count(old) * len(new))


def _check_format(pattern: str, arguments: Sequence[object]) -> None:
    """Raise `TooCostly` if a pattern such as `%5d` or `{:>5}` could produce a long text."""
    # The width of `%*d` is one of the values.
    is_wide = "*" in pattern and any(number > MOST_WIDTH for number in _numbers(arguments))
    if is_wide or _LONG_NUMBER.search(pattern):
        raise TooCostly(f"a width in a format is at most {MOST_WIDTH - 1}")
    fields = pattern.count("%") + pattern.count("{")
    longest = max((size_of(value) for value in arguments), default=0)
    _at_most(len(pattern) + fields * max(longest, MOST_WIDTH if re.search(r"\d", pattern) else 20))


def _check_numbers(operator: str, left: object, right: object) -> None:
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        raise SecurityError(f"{operator} is for numbers only: texts are put together by ~")
    whole = [abs(number).bit_length() for number in (left, right) if isinstance(number, int)]
    bits = max(whole, default=0)
    if operator == "**" and isinstance(right, int):
        bits = whole[0] * abs(right) if isinstance(left, int) else bits
    if bits > _MOST_BITS:
        raise TooCostly(f"{operator} is for smaller numbers")


def _values(right: object) -> Sequence[object]:
    if isinstance(right, tuple):
        return right
    return tuple(right.values()) if isinstance(right, Mapping) else (right,)


def _numbers(values: Iterable[object]) -> list[int]:
    return [abs(value) for value in values if isinstance(value, int)]


def _texts(values: Iterable[object]) -> list[str]:
    return [value for value in values if isinstance(value, str)]
