"""From the options of text to a data set of tokens."""

from __future__ import annotations

from genctl.data.prepare import Prepared
from genctl.data.text.dataset import TokenDataset
from genctl.data.text.options import TextData
from genctl.data.text.source import open_text
from genctl.data.text.token_cache import cached_tokens, survey


def prepare_text(options: TextData) -> Prepared:
    """Read the text that ``options.source`` names; its tokens come from the cache if possible.

    Raises:
        GenctlError: as `open_tokens`.
    """
    dataset = open_tokens(options)
    return Prepared(dataset, left_out={"binary": dataset.ignored} if dataset.ignored else {})


def open_tokens(options: TextData) -> TokenDataset:
    """The text that ``options.source`` names, as tokens.

    Raises:
        GenctlError: no such source, no readable text, or a text shorter than the context.
    """
    source = open_text(options.source, options.encoding)
    known = survey(source)
    files = cached_tokens(source, known, options)
    return TokenDataset(options, source, known, files)
