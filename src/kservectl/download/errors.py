"""What can go wrong with a download, sorted by whether trying again later is of any use.

Messages name the URI without its credentials, and are fit to be shown to the user who wrote it.
"""

from yarl import URL


class DownloadError(Exception):
    """A download that did not come to its end."""


class DownloadRefused(DownloadError):
    """Nothing changes by trying again: the URI, what it names, or the space on the disk has to."""


class NoSpace(DownloadRefused):
    """The disk has no room for what is still to come."""


class DownloadFailed(DownloadError):
    """Every try failed for a reason that may pass. What was received is kept for the next one."""


class Interrupted(Exception):
    """One try failed. `wait` is the number of seconds that the other side asked to be left alone for, if it did."""

    def __init__(self, why: str, wait: float = 0.0) -> None:
        super().__init__(why)
        self.wait = wait


def shown(uri: str) -> str:
    """`uri` as it may be printed: without user, password, query (where signed URLs carry their secret) and fragment."""
    try:
        return str(URL(uri).with_user(None).with_query(None).with_fragment(None))
    except ValueError:
        return uri.partition("?")[0].partition("#")[0]
