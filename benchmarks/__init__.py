"""What Parkstream costs: ``./dev bench NAME``.

Reading order: machine and meter (where and how it is measured), load (what is put through), stack (what runs),
then one module per benchmark: drain, latency, publish, grow. Compare ratios within one run, never figures of two.
"""
