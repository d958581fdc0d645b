"""The wire formats that the simulator speaks; `wire.py` says what a wire must do."""
