"""Takes events that other systems post, and keeps them in the inbox of a workspace.

It listens on this machine unless it is told otherwise, knows whoever posts, and answers
that an event was accepted only when it is on the disk. It reads no lake and holds no
lock of a run: what it keeps is read by the source type ``event_inbox``.
"""
