"""Models that are named as a registry knows them: `models:/NAME/VERSION` and `models:/NAME@ALIAS`."""
