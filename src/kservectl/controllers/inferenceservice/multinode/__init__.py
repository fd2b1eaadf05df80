"""A predictor on several nodes (`spec.predictor.workerSpec`): a head that serves, and workers that it spreads the model over.

The head is the predictor's Deployment as ever; the workers are a second one. Both find each other by headless Services that
bear the InferenceService's generation, so that pods of two generations never join.
"""
