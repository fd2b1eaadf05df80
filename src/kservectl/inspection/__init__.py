"""Looking at what is: the state of an object in a few words, and the tree of everything it owns. Pure; no I/O."""
