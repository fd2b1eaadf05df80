"""Models that are container images: a side car that shows its files, an image volume, or a download of the layers."""
