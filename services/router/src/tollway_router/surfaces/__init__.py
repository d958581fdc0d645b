"""What clients speak to the router: one file per wire format."""
