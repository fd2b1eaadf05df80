"""The side car of a model server: it pulls models (`models/`), and logs and batches requests on their way to it."""
