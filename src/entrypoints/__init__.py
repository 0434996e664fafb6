"""The only code that reads the environment: settings, composition root, processes, command line."""
