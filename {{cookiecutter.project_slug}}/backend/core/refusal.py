"""What the service refuses to run: everything at once, with its place."""

from typing import NamedTuple


class Refusal(NamedTuple):
    """What is wrong, what fixes it, and the file:line of it; `id` is for programs."""

    id: str
    message: str
    hint: str
    where: str


class RefusedError(Exception):
    def __init__(self, refusals: list[Refusal]) -> None:
        self.refusals = refusals
        super().__init__("\n".join(f"{each.where}  {each.message}".strip() for each in refusals))
