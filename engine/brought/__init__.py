"""Files that users bring, as arrays: tables, pictures, albums. Without torch, so that a small process of its
own can read them (`__main__.py`)."""
