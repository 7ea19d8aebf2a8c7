"""Run sqlfluff and look for no garbage: nearly all that it makes stays."""

import gc

from sqlfluff.cli.commands import cli

gc.disable()  # here, too, where a process that it starts begins
if __name__ == "__main__":
    cli()
