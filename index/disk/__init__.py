"""Files and folders of ours: checksums, marks, private modes, whole-or-nothing writing, outputs of commands."""
