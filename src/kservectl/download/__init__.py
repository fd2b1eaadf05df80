"""Fetching what a model's URI names into a folder: whole or not at all, resumable, verified, with progress.

`downloader.Downloader` is what callers use; `progress` and `errors` hold what it tells them. The other modules are the
places that it can fetch from, and the folder in which an unfinished download waits to go on.
"""
