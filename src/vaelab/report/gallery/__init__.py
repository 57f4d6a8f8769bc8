"""Pictures of a trained model, drawn once for a page that swaps them without a service."""
