"""What the DexHand does with a thing that it holds."""
