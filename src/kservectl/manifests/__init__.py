"""Everything that an installation consists of, as data made by pure functions; `layout` says which file holds what."""
