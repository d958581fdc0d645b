"""The only code that talks to providers: what to call, as whom, whether it may be called."""
