"""Neural style transfer: a picture that changes until a network sees another one's style in it."""
