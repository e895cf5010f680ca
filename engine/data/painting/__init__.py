"""Paintings made by arithmetic: the style pictures. Each module has `paint`, which gives the same picture
each time, uint8 (H, W, 3); `canvas` and `brush` are what they share."""
