"""Takes events that other systems post, and keeps them in the inbox of a workspace.

It listens on this machine unless configured otherwise, authenticates every sender, and
answers that an event was accepted only when it is on the disk. It reads no lake and
holds no lock of a run: the events it keeps are read by the source type ``event_inbox``.
"""
