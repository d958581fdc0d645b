"""From an API key and a model's name to the deployments to try, in memory and without waiting."""
