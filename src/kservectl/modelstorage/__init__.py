"""How a pod gets its model: from a claim, by a download, or out of an image; and the credentials for it.

Pure functions on pods and pod templates (`metadata`, `spec`), for the pod webhook and for controllers alike. They never
change their argument, and doing anything twice is doing it once. Nothing here reads a cluster: what must be known of it
comes in a `StorageContext`.
"""
