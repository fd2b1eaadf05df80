"""Canaries (`spec.canary`): further versions of the predictor beside the stable one, each with a share of its traffic."""
