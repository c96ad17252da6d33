"""GGUF: one file for llama.cpp and programs built on it, checked before it is saved."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genctl.contracts import DecoderPlan
from genctl.export.decoder.gguf_proof import prove
from genctl.export.decoder.gguf_tensors import QUANTIZATIONS, architecture, tensors
from genctl.export.decoder.gguf_tokenizer import Vocabulary, vocabulary
from genctl.export.document import to_text
from genctl.export.packages import quiet, require
from genctl.export.proof import Proof
from genctl.files import make_directory
from genctl.staging import staged_file

_DOCUMENT_KEY = "genctl.document"


def write(
    plan: DecoderPlan, path: Path, document: Mapping[str, Any], quantization: str = "f16"
) -> Proof:
    """Write the file ``path`` and check it in the installed programs that read GGUF.

    Args:
        document: see `genctl.export.document.to_text`; the file carries it.
        quantization: ``f16``, or ``q8_0``: blocks of 32 numbers of 8 bits and a scale.

    Raises:
        GenctlError: (USAGE) the package of ``genctl[gguf]`` is missing, or GGUF does not support
            the tokenizer; (PROOF_FAILED) the file has other weights than the model, or programs
            compute something else; (FAILURE) no space or permission. An earlier file at ``path``
            is unchanged.
    """
    require("GGUF", "gguf", "gguf")
    assert quantization in QUANTIZATIONS
    words = vocabulary(plan)
    make_directory(path.parent)
    with staged_file(path) as stage:
        _write(plan, stage, words, to_text(document), path.stem, quantization)
        proof = prove(plan, stage, path, quantization)
    return proof


def is_export(path: Path) -> bool:
    """Whether `write` made the file ``path``.

    Raises:
        GenctlError: (USAGE) the package of ``genctl[gguf]`` is missing.
    """
    require("GGUF", "gguf", "gguf")
    from gguf import GGUFReader

    try:
        return _DOCUMENT_KEY in GGUFReader(path).fields
    except (OSError, ValueError, KeyError, IndexError):
        return False


def _write(
    plan: DecoderPlan, stage: Path, words: Vocabulary, document: str, name: str, quantization: str
) -> None:
    from gguf import GGUFWriter

    with quiet():
        writer = GGUFWriter(stage, architecture(plan))
        writer.add_name(name)
        writer.add_string(_DOCUMENT_KEY, document)
        _add_network(writer, plan, quantization)
        _add_tokenizer(writer, plan, words)
        for tensor in tensors(plan, quantization):
            writer.add_tensor(tensor.gguf_name, tensor.data, raw_dtype=tensor.type)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def _add_network(writer: Any, plan: DecoderPlan, quantization: str) -> None:
    from gguf import GGML_QUANT_VERSION, LlamaFileType

    writer.add_file_type(getattr(LlamaFileType, f"MOSTLY_{quantization.upper()}"))
    writer.add_quantization_version(GGML_QUANT_VERSION)
    writer.add_vocab_size(plan.vocab_size)
    writer.add_context_length(plan.context)
    writer.add_embedding_length(plan.width)
    writer.add_block_count(plan.depth)
    writer.add_feed_forward_length(plan.hidden)
    writer.add_head_count(plan.heads)
    writer.add_head_count_kv(plan.kv_heads)
    writer.add_key_length(plan.head_dim)
    writer.add_value_length(plan.head_dim)
    writer.add_rope_dimension_count(plan.head_dim)
    writer.add_rope_freq_base(plan.rope_theta)
    writer.add_layer_norm_rms_eps(plan.norm_eps)


def _add_tokenizer(writer: Any, plan: DecoderPlan, words: Vocabulary) -> None:
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(words.tokens)
    writer.add_token_types(words.types)
    writer.add_token_merges(words.merges)
    # Without a named begin token, llama.cpp uses token 11.
    writer.add_bos_token_id(plan.end)
    writer.add_eos_token_id(plan.end)
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
