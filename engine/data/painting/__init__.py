"""The style pictures, painted by arithmetic. Each module has `paint`, which always gives the same picture,
uint8 (H, W, 3); `canvas` and `brush` are what they share."""
