"""Phrases in an instrument's text that set its controls: "over [50 layers](depth=50)".

In the brackets stands what is read, in the parentheses the settings, as in a call. In a browser the phrase is
a button, elsewhere plain words.
"""

import ast
import json
import re
from html import escape

_PHRASE = re.compile(r"\[([^\]]+)\]\((\w+=[^()]*)\)")


def plain(text):
    """The text without its settings, for a page on which nothing moves."""
    return _PHRASE.sub(r"\1", text)


def linked(text, check):
    """The text with its phrases as buttons. `check` returns the settings that may be made, or raises."""

    def button(phrase):
        words, settings = phrase[1], check(_settings(phrase[2]))
        return f'<button type="button" class="td-phrase" data-set=\'{_json(settings)}\'>{words}</button>'

    return _PHRASE.sub(button, text)


def settings_of(text):
    """The settings of every phrase, in order."""
    return [_settings(phrase[2]) for phrase in _PHRASE.finditer(text)]


def _settings(source):
    call = ast.parse(f"set({source})", mode="eval").body
    return {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}


def _json(settings):
    return escape(json.dumps(settings, ensure_ascii=False))
