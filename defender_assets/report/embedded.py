"""The style and the script inside the page, and the content security policy that allows these two alone.

Here: their texts and hashes. Not here: what they do (``templates/report.css``, ``templates/work_list.js`` and those
beside it), the data that the script reads (``page_data.py``).

The policy is in the page itself, so that it holds wherever the file is opened from. It allows no address at all: a page
that holds the weaknesses of every device must not be able to tell anybody. https://www.w3.org/TR/CSP3/
"""

import base64
import hashlib
from functools import cache
from importlib.resources import files

from markupsafe import Markup

from .colours import IN_THE_DARK

_FOOT = "font: 8pt sans-serif; color: #5b6875"
_SCRIPTS = ("data.js", "cells.js", "csv.js", "device.js", "work_list.js", "start.js")
"""In the order in which they need each other."""


@cache
def script() -> Markup:
    """The page's script: a module, so that its names are its own and it runs when the page is whole."""
    text = "".join(_text(name) for name in _SCRIPTS)
    if "</script" in text.lower() or "<!--" in text:
        raise ValueError("the script of the report would end its own element")
    return Markup(text)


def style(running_title: str, *, landscape: bool = False) -> Markup:
    """The page's style sheet. ``running_title`` is printed on every page, beside its number; ``landscape``: on paper
    that lies, for a page with a wide list."""
    return Markup(
        _text("report.css")
        + _in_the_dark()
        + f"@page {{ @bottom-left {{ content: {_css_text(running_title)}; {_FOOT} }}\n"
        + f'  @bottom-right {{ content: counter(page) " / " counter(pages); {_FOOT} }} }}\n'
        + ("@page { size: A4 landscape; }\n" if landscape else "")
    )


def _in_the_dark() -> str:
    """Plots on dark paper: a rule is stronger than the attribute of a drawing."""
    rules = "".join(
        f'  svg [{attribute}="{light}"] {{ {attribute}: {dark}; }}\n'
        for light, dark in IN_THE_DARK.items()
        for attribute in ("fill", "stroke")
    )
    return f"@media screen and (prefers-color-scheme: dark) {{\n{rules}}}\n"


def _css_text(text: str) -> str:
    """The text as a string of CSS. Everything but letters, digits and spaces is written as its code point, so that no
    name can end the string or the style element. https://www.w3.org/TR/css-syntax-3/#consume-escaped-code-point"""
    plain = (char if char.isascii() and (char.isalnum() or char == " ") else f"\\{ord(char):x} " for char in text)
    return f'"{"".join(plain)}"'


def security_policy(style_text: str) -> str:
    """The content security policy of a page with this style and the script."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hash(script())}",
            f"style-src {_hash(style_text)}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            # The script may not even try to make markup of a text. https://w3c.github.io/trusted-types/dist/spec/
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def _text(name: str) -> str:
    return files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
