"""The databases of a workspace: catalogue, build, published file, reader."""
