"""The refusals of the API, raised where they are decided and turned into responses by ``api_service.py``.

    Exception
    ├── ApiRefusal
    └── QuotaExceeded

Here: the exceptions. Not here: refusals of the login (``entra_login.py``), of query options (``odata.py``).
"""


class ApiRefusal(Exception):
    """The API refuses: status, code, message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class QuotaExceeded(Exception):
    """The quota is used up for ``wait`` seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__("quota exceeded")
        self.wait = wait
