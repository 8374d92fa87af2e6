"""Tables for people, which programs read as well."""

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table


def show(table: Table) -> None:
    """Print a table as wide as it is: a name that is cut to fit a window is no name."""
    console = Console(soft_wrap=True)
    endless = console.options.update(max_width=100_000)
    console.width = max(console.width, Measurement.get(console, endless, table).maximum)
    console.print(table)
