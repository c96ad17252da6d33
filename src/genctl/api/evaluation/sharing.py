"""Feature extraction under torchrun: each process handles a part of the generated images."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace

from genctl.data.images.stream import ImageStream
from genctl.engine.parallel.process_group import ProcessGroup, WorkerExit
from genctl.evaluation.extractors.base import Extractor
from genctl.evaluation.features import Features, extract, join
from genctl.output import Output


def see_together(
    world: ProcessGroup,
    extractors: Sequence[Extractor],
    images: ImageStream,
    rows: Sequence[int],
    output: Output,
) -> list[Features]:
    """The features of ``images`` at ``rows`` by each extractor, the same as from one process.

    Each process takes a contiguous part of the rows, and reads or generates its images again for
    each extractor. Rank 0 gathers the features of all images rather than sums of them, since most
    metrics need the features of every image; they are small compared with the images.

    Raises:
        GenctlError: as `extract`, in any process.
        WorkerExit: in every process but rank 0.
    """
    size = -(-len(rows) // world.size)
    share = rows[world.rank * size : (world.rank + 1) * size]

    def seen(extractor: Extractor) -> Features:
        reading = images.read(share)
        reading.batches = output.track(reading.batches, len(share), images.verb)
        return extract(extractor, reading).labelled(images.labels, images.class_names)

    found = []
    for extractor in extractors:
        own = world.run_on_all_ranks(functools.partial(seen, extractor))
        found.append(join([own] if world.size == 1 else _gathered(world, own)))
    if not world.is_main:
        raise WorkerExit(0)
    return found


def _gathered(world: ProcessGroup, own: Features) -> list[Features]:
    """The features of all ranks, in order."""
    facts = world.all_gather_json([sorted(own.shapes), list(own.remarks)])
    columns = [world.all_gather_rows(column) for column in (own.values, own.digests, own.rows)]
    labels = [None] * world.size if own.labels is None else world.all_gather_rows(own.labels)
    return [
        replace(
            own,
            values=values,
            shapes=frozenset(map(tuple, shapes)),
            digests=digests,
            rows=places,
            remarks=tuple(remarks),
            labels=classes,
        )
        for (shapes, remarks), values, digests, places, classes in zip(
            facts, *columns, labels, strict=True
        )
    ]
