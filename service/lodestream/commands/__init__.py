"""The commands: each module offers `command`. They read settings, call the rooms below, and print."""
