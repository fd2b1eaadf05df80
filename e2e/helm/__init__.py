"""The real helm, built from its Go module into a folder of the cache of its own."""
