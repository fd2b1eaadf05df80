"""How like KServe's own manager kservectl is, measured: the same cases on a real cluster, compared with recordings.

    python -m e2e.parity [--mode MODE …] [--cases DIR] [--recordings DIR] [--only NAME]

A case is a manifest `NAME.yaml`; its recording `MODE/NAME.json` is what KServe's manager made of it. See `recording.py` for
what counts as the same, and `comparison.py` for the score.
"""
