"""`python -m kservectl`."""

from kservectl.cli.main import main

main()
