"""The Messages format, as Anthropic documents it."""
