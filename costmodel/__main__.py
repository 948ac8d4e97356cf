"""`python -m costmodel` is the `costmodel` command."""

from costmodel.cli import main

main()
