"""How the command line speaks to the services: addresses, tokens, requests, refusals."""
