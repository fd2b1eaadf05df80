"""The models of a multi-model server: which are wanted, which are on the disk, and how one becomes the other."""
