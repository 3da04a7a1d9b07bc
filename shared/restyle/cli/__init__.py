"""The command line: `restyle`. Each command is a module that imports what it needs only when it runs."""
