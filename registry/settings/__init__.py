"""Settings: read once, handed down as plain values. The only room that reads the environment.

Later ones win: the defaults, `config.toml` in the home folder, environment variables, flags.
"""

from registry.settings.load import (
    Settings,
    choose_home,
    environment_without_secrets,
    harmless_environment,
    home_folder,
    load,
)

__all__ = [
    "Settings",
    "choose_home",
    "environment_without_secrets",
    "harmless_environment",
    "home_folder",
    "load",
]
