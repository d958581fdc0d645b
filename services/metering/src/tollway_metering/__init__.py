"""Metering: takes usage in, prices it, and reports what it cost."""
