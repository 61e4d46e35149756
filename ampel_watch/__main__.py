"""`python -m ampel_watch` is the command `ampel-watch`."""

from ampel_watch.cli import main

if __name__ == "__main__":
    main()
