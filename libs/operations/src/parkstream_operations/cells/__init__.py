"""Many malls, each a cell of its own: the file that lists them, and what is done for one of them.

Reading order: cell (one mall's endpoints), cells_file (all of them), cell_health; rights, secret_files,
rabbitmq_rights, redis_rights, new_cell (makes one); key_copy, move (takes one
to another Redis).
"""
