"""Each number that a module names is followed by what it is and where its value comes from.

That something is said is tested; whether it is true, readers must see to.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "src" / "argand"
MAKERS = {"array", "radians", "degrees", "float", "linspace"}


def is_number(node: ast.expr) -> bool:
    """Whether an expression is a number, or numbers that are grouped, calculated or converted."""
    match node:
        case ast.Constant(value=value):
            return isinstance(value, int | float | complex) and not isinstance(value, bool)
        case ast.UnaryOp(operand=operand):
            return is_number(operand)
        case ast.BinOp(left=left, right=right):
            return is_number(left) and is_number(right)
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return bool(items) and all(map(is_number, items))
        case ast.Call(func=function, args=arguments):
            name = ast.unparse(function).rpartition(".")[2]
            return name in MAKERS and bool(arguments) and all(map(is_number, arguments))
    return False


def names_of(node: ast.stmt) -> list[str]:
    """Names of the constants that a statement sets to numbers."""
    if isinstance(node, ast.Assign):
        targets, value = node.targets, node.value
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        targets, value = [node.target], node.value
    else:
        return []
    names = [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
    return [name for name in names if name.isupper()] if is_number(value) else []


def is_text(node: ast.stmt | None) -> bool:
    """Whether a statement is nothing but a string that says something."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        and bool(node.value.value.strip())
    )


def is_comment(line: str) -> bool:
    """Whether a line is a comment that says something, not one to a linter alone."""
    text = line.strip()
    return text.startswith("#") and not text.startswith(("# noqa", "# pyright", "# type:"))


def silent_constants(source: str) -> list[str]:
    """Names of the numbers of a module with neither a string below nor a comment above or beside them."""
    lines, body = source.splitlines(), ast.parse(source).body
    silent = []
    for node, following in zip(body, [*body[1:], None], strict=True):
        last = lines[(node.end_lineno or node.lineno) - 1].encode()
        beside = last[node.end_col_offset :].decode()
        above = lines[node.lineno - 2] if node.lineno > 1 else ""
        if not (is_text(following) or is_comment(above) or is_comment(beside)):
            silent += names_of(node)
    return silent


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_constant_stands_without_a_word(path: Path):
    assert silent_constants(path.read_text()) == []


@pytest.mark.parametrize(
    ("source", "silent"),
    [
        ("A = 1.5", ["A"]),
        ("A = 1.5\nB = 2\n'''Both.'''", ["A"]),
        ("A, _B = 1, (2, -3)", ["A", "_B"]),
        ("A: float = np.radians(60.0)", ["A"]),
        ("A = 2**20  # noqa: E501", ["A"]),
        ("A = 1\n'''What it is.'''", []),
        ("# What it is.\nA = 1", []),
        ("A = 1  # what it is", []),
        ("A = 'text'\nB = True\nname = 3", []),
    ],
)
def test_a_constant_that_says_nothing_is_found(source: str, silent: list[str]):
    assert silent_constants(source) == silent
