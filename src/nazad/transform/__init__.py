"""Graph to numbers by other roads than Forward and Backward: tangents, batches."""
