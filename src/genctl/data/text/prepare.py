"""From a configuration of text to a data set of tokens."""

from __future__ import annotations

from genctl.config import TextData
from genctl.data.text.dataset import TokenDataset
from genctl.data.text.source import open_text
from genctl.data.text.token_cache import cached_tokens, survey


def prepare_text(config: TextData) -> TokenDataset:
    """Read what ``config.source`` names, and turn it into tokens unless the cache has them.

    Raises:
        GenctlError: nothing there, nothing that can be read, or a text shorter than the context.
    """
    source = open_text(config.source, config.encoding)
    known = survey(source)
    files = cached_tokens(source, known, config)
    return TokenDataset(config, source, known, files)
