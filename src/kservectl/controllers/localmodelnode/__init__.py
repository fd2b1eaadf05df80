"""The node agent: has the models that its LocalModelNode lists on the node's disk, and no others.

`observing` looks at the disk and at credentials, `reconcile` decides, the runtime writes Jobs and the status, and `disk`
carries out what is to be done to folders.
"""
