"""``opweave completion``: the script that teaches a shell our commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_WHERE = """\b
bash: opweave completion bash > ~/.local/share/bash-completion/completions/opweave
zsh:  opweave completion zsh > "${fpath[1]}/_opweave"
fish: opweave completion fish > ~/.config/fish/completions/opweave.fish
"""


@click.command("completion", epilog=_WHERE)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell, to be stored where the shell looks for it.

    Jobs, locations, runs and steps are completed too while a server answers at --url, OPWEAVE_URL or on this machine.
    """
    completion_class = get_completion_class(shell)
    if completion_class is None:
        raise click.UsageError(f"{shell} is not known")
    root = click.get_current_context().find_root().command
    # Without asking the installed shell for its version, as the class's own constructor of the script would.
    script = completion_class(root, {}, "opweave", "_OPWEAVE_COMPLETE")
    click.echo(script.source_template % script.source_vars())
