"""Words that are kept in Redis or told by a value in English, and said on pages: listed to be collected."""

from board.words import mark

__all__ = ["WORDS"]

WORDS = (
    # Roles.
    mark("viewer"),
    mark("operator"),
    mark("admin"),
    # What came of an action.
    mark("done"),
    mark("partly"),
    mark("nothing"),
    mark("refused"),
    mark("failed"),
    # What was done.
    mark("sign-in"),
    mark("sign-out"),
    mark("retry"),
    mark("promote"),
    mark("remove"),
    mark("pause"),
    mark("resume"),
    # The same as the beginning of a sentence.
    mark("Retry"),
    mark("Promote"),
    mark("Remove"),
    # States.
    mark("waiting"),
    mark("active"),
    mark("prioritized"),
    mark("delayed"),
    mark("completed"),
    mark("paused"),
    mark("waiting-children"),
    # Why a job is delayed.
    mark("delay"),
    mark("backoff"),
    # Pages of the palette.
    mark("Overview"),
    mark("Failures"),
    mark("Flows"),
    mark("Schedulers"),
    mark("Workers"),
    mark("Metrics"),
    mark("Health"),
    mark("Audit log"),
)
