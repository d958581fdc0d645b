"""A request that gets no answer, in no wire's words; each wire has its own body for it."""


class Refusal(Exception):
    """Raised where a request turns out bad, or where its script asks for an error.

    `name` picks one of a wire's named errors (`quota`, `context`, `filter`, ...); without it the
    status decides. `message` and `param` replace the wire's own wording.
    """

    def __init__(
        self,
        status: int | None = None,
        *,
        name: str = "",
        message: str = "",
        param: str | None = None,
        retry_after: str = "",
        model: str = "",
        key: str = "",
    ) -> None:
        super().__init__(message or name or str(status))
        self.status = status
        self.name = name
        self.message = message
        self.param = param
        self.retry_after = retry_after
        self.model = model
        self.key = key
