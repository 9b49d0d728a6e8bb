"""Code on the pages is code: Python compiles, YAML is read."""

from __future__ import annotations

import ast
import re
import textwrap

import pytest
import yaml
from pages import Page, pages

PYTHON = [(page, code) for page in pages() for code in page.blocks("python")]
YAML = [(page, code) for page in pages() for code in page.blocks("yaml")]


@pytest.mark.parametrize(("page", "code"), PYTHON, ids=lambda value: getattr(value, "name", ""))
def test_python_compiles(page: Page, code: str) -> None:
    code = textwrap.dedent(code)
    if re.match(r'"\w+":', code):  # a row of a dict
        code = f"{{{code}}}"
    ast.parse(code, filename=page.name, feature_version=(3, 8))


@pytest.mark.parametrize(("page", "code"), YAML, ids=lambda value: getattr(value, "name", ""))
def test_yaml_is_read(page: Page, code: str) -> None:
    assert yaml.safe_load(code)
