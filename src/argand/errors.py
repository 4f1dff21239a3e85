"""The errors that argand raises on purpose. Each message is one line: what is wrong and the cure."""


class ArgandError(Exception):
    """Base of every error that a user can act on; the command line prints its message alone."""


class InputError(ArgandError):
    """A file or array that cannot be used as given: unreadable, wrong shape, missing metadata."""


class ConfigError(ArgandError):
    """A configuration, preset or option that does not exist or contradicts another."""


class MissingExtraError(ArgandError):
    """An optional dependency that is needed for this verb and is not installed."""
