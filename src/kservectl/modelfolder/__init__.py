"""The folder of one cached model, as a download leaves it and a node agent finds it.

    <files of the model>
    .kservectl.json            the marker: the model is whole, and these are its files
    .kservectl/                while a download goes on, and after one that broke off
    .kservectl/progress.json   how far it is, or why it failed

A download runs where it sees nothing but this folder, and the agent that looks on is another process: what they have to tell
each other is in these files. Nothing here follows a symbolic link.
"""
