"""What would happen if kservectl took a cluster over: read, decided and compared, with nothing written.

`inspecting.inspect` is the way in. It reads; everything else here is plain functions of what was read.
"""
