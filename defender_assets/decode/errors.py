"""What can go wrong in decoding.

    DefenderAssetsError
    └── UndecodableResponse   a response that cannot be turned into rows

Here: the error. Not here: refusals of the service, which the HTTP status tells (``api/``).
"""

from ..errors import DefenderAssetsError


class UndecodableResponse(DefenderAssetsError):
    """A response that cannot be turned into rows of its table without losing or inventing some.

    The message names the dataset and the fault, by position and never by a row's value. Asking again is safe:
    nothing of the response was kept.
    """

    def __init__(self, dataset: str, problem: str) -> None:
        super().__init__(
            f"{dataset}: an answer of the service cannot be decoded: {problem}. Nothing of it was kept. "
            "Refresh again; if it stays so, the service changed its format and the dataset's declaration must follow.",
            dataset=dataset,
        )
        self.problem = problem
