"""`python -m lodestream` is the command `lodestream`."""

from lodestream.cli import main

main()
