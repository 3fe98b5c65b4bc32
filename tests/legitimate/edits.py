"""What a table of variations holds: for each the edits, of a file and one text or two."""

from collections.abc import Mapping, Sequence

Edits = Mapping[str, Sequence[tuple[str, ...]]]
